# Secrets are made while Terraform runs and written to AWS Secrets Manager only. ECS puts them into the environment of the
# tasks. The database and the cache get their passwords from what was written, so both always match.
locals {
  made = ["SECRET_KEY", "AUDIT_KEYS", "DATABASE_URL", "REDIS_URL"]
  secret_arns = merge(
    { for name in local.made : name => aws_secretsmanager_secret.made[name].arn if !contains(keys(var.secret_arns), name) },
    var.secret_arns,
  )
}

ephemeral "random_password" "new" {
  for_each = toset(["SECRET_KEY", "AUDIT_KEYS", "database", "cache"])

  length  = 48
  special = false
}

resource "aws_secretsmanager_secret" "made" {
  for_each = toset(local.made)

  name        = "${var.name}/${each.value}"
  description = "${each.value} of ${var.name}"
  tags        = var.tags
}

resource "aws_secretsmanager_secret" "password" {
  for_each = toset(["database", "cache"])

  name        = "${var.name}/password-${each.value}"
  description = "Password of the ${each.value} of ${var.name}"
  tags        = var.tags
}

# Never replaced by Terraform: docs/operations.md and docs/activity.md say how to rotate these two.
resource "aws_secretsmanager_secret_version" "key" {
  for_each = { SECRET_KEY = "", AUDIT_KEYS = "k1:" }

  secret_id                = aws_secretsmanager_secret.made[each.key].id
  secret_string_wo         = "${each.value}${ephemeral.random_password.new[each.key].result}"
  secret_string_wo_version = 1
}

resource "aws_secretsmanager_secret_version" "password" {
  for_each = aws_secretsmanager_secret.password

  secret_id                = each.value.id
  secret_string_wo         = ephemeral.random_password.new[each.key].result
  secret_string_wo_version = var.secrets_version
}

ephemeral "aws_secretsmanager_secret_version" "password" {
  for_each = aws_secretsmanager_secret_version.password

  secret_id  = each.value.secret_id
  version_id = each.value.version_id
}

resource "aws_secretsmanager_secret_version" "database_url" {
  secret_id                = aws_secretsmanager_secret.made["DATABASE_URL"].id
  secret_string_wo         = "postgresql+psycopg://${aws_db_instance.portal.username}:${ephemeral.aws_secretsmanager_secret_version.password["database"].secret_string}@${aws_db_instance.portal.endpoint}/${aws_db_instance.portal.db_name}?sslmode=verify-full&sslrootcert=/etc/latchkey/database-ca.pem"
  secret_string_wo_version = var.secrets_version
}

resource "aws_secretsmanager_secret_version" "redis_url" {
  secret_id                = aws_secretsmanager_secret.made["REDIS_URL"].id
  secret_string_wo         = "rediss://:${ephemeral.aws_secretsmanager_secret_version.password["cache"].secret_string}@${aws_elasticache_replication_group.portal.primary_endpoint_address}:6379/0"
  secret_string_wo_version = var.secrets_version
}
