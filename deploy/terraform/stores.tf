resource "aws_db_subnet_group" "portal" {
  name       = var.name
  subnet_ids = var.private_subnet_ids
  tags       = var.tags
}

resource "aws_db_parameter_group" "portal" {
  name   = "${var.name}-postgres17"
  family = "postgres17"
  tags   = var.tags

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }
}

resource "aws_db_instance" "portal" {
  identifier     = var.name
  engine         = "postgres"
  engine_version = "17"
  instance_class = var.database_instance_class

  db_name             = "latchkey"
  username            = "latchkey"
  password_wo         = ephemeral.aws_secretsmanager_secret_version.password["database"].secret_string
  password_wo_version = var.secrets_version

  allocated_storage     = var.database_storage_gb
  max_allocated_storage = 5 * var.database_storage_gb
  storage_type          = "gp3"
  storage_encrypted     = true

  multi_az               = true
  db_subnet_group_name   = aws_db_subnet_group.portal.name
  parameter_group_name   = aws_db_parameter_group.portal.name
  vpc_security_group_ids = [aws_security_group.stores.id]
  publicly_accessible    = false

  auto_minor_version_upgrade = true
  backup_retention_period    = var.database_backup_days
  copy_tags_to_snapshot      = true
  deletion_protection        = var.deletion_protection
  final_snapshot_identifier  = "${var.name}-final"
  tags                       = var.tags
}

resource "aws_elasticache_subnet_group" "portal" {
  name       = var.name
  subnet_ids = var.private_subnet_ids
  tags       = var.tags
}

# Redis that is full refuses new sessions. It must never drop others to make room.
resource "aws_elasticache_parameter_group" "portal" {
  name   = "${var.name}-redis7"
  family = "redis7"
  tags   = var.tags

  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

resource "aws_elasticache_replication_group" "portal" {
  replication_group_id = var.name
  description          = "Sessions and rate limits of ${var.name}"
  engine               = "redis"
  engine_version       = "7.1"
  node_type            = var.cache_node_type

  num_cache_clusters         = 2
  multi_az_enabled           = true
  automatic_failover_enabled = true
  subnet_group_name          = aws_elasticache_subnet_group.portal.name
  parameter_group_name       = aws_elasticache_parameter_group.portal.name
  security_group_ids         = [aws_security_group.stores.id]

  at_rest_encryption_enabled = true
  transit_encryption_enabled = true
  auth_token_wo              = ephemeral.aws_secretsmanager_secret_version.password["cache"].secret_string
  auth_token_wo_version      = var.secrets_version

  # Sessions are short, and encrypted secrets need no second place.
  snapshot_retention_limit = 0
  tags                     = var.tags
}
