# Tasks have no task role, so nothing in them has permissions at AWS: the portal acts only as its users. The execution role
# below belongs to ECS itself, which uses it to start a task. Its credentials aren't in the task.
data "aws_iam_policy_document" "ecs" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "execution" {
  statement {
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [var.image_repository_arn]
  }

  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.portal.arn}:*"]
  }

  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = values(local.secret_arns)
  }

  dynamic "statement" {
    for_each = length(var.secret_kms_key_arns) > 0 ? [1] : []

    content {
      actions   = ["kms:Decrypt"]
      resources = var.secret_kms_key_arns
    }
  }
}

resource "aws_iam_role" "execution" {
  name               = "${var.name}-execution"
  assume_role_policy = data.aws_iam_policy_document.ecs.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "execution" {
  name   = "start-tasks"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}

resource "aws_cloudwatch_log_group" "portal" {
  name              = "/ecs/${var.name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_ecs_cluster" "portal" {
  name = var.name
  tags = var.tags
}

locals {
  channel = anytrue([
    for name in ["SMTP_SERVER", "WEBHOOK_URL", "SLACK_WEBHOOK_URL", "TEAMS_WEBHOOK_URL"] :
    contains(concat(keys(var.settings), keys(var.secret_arns)), name)
  ])
  environment = merge(
    { TRUSTED_PROXIES = "1", BIND = "0.0.0.0:8000" },
    local.channel && var.workers > 0 ? { NOTICES_WORKERS = "0" } : {},
    var.settings,
  )
  files = merge(var.files, { "database-ca.pem" = var.database_ca })

  commands = {
    portal  = ["serve"]
    worker  = ["worker"]
    migrate = ["db", "upgrade"]
  }

  common = {
    image                  = var.image
    readonlyRootFilesystem = true
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.portal.name
        awslogs-region        = data.aws_region.here.region
        awslogs-stream-prefix = var.name
      }
    }
  }

  # A read-only file system needs a place for temporary files, and settings may name files. Fargate mounts both folders as
  # root's, so this container makes them ready and ends. It has neither settings nor secrets.
  prepare = merge(local.common, {
    name        = "prepare"
    essential   = false
    user        = "0"
    environment = [{ name = "FILES", value = jsonencode(local.files) }]
    entryPoint  = ["python"]
    command = ["-c", <<-PYTHON
      import json, os, pathlib
      os.chmod("/tmp", 0o1777)
      for name, text in json.loads(os.environ["FILES"]).items():
          pathlib.Path("/etc/latchkey", name).write_text(text)
    PYTHON
    ]
    mountPoints = [
      { sourceVolume = "tmp", containerPath = "/tmp", readOnly = false },
      { sourceVolume = "files", containerPath = "/etc/latchkey", readOnly = false },
    ]
  })
}

resource "aws_ecs_task_definition" "task" {
  for_each = local.commands

  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  tags                     = var.tags

  volume {
    name = "tmp"
  }

  volume {
    name = "files"
  }

  container_definitions = jsonencode([
    local.prepare,
    merge(local.common, {
      name        = each.key
      essential   = true
      user        = "10001"
      command     = each.value
      environment = [for name, value in local.environment : { name = name, value = value }]
      secrets     = [for name, arn in local.secret_arns : { name = name, valueFrom = arn }]
      dependsOn   = [{ containerName = "prepare", condition = "SUCCESS" }]
      stopTimeout = 60 # longer than gunicorn's graceful_timeout of 30 s and the 10 s of its notice workers
      linuxParameters = {
        initProcessEnabled = true
        capabilities       = { drop = ["ALL"] }
      }
      portMappings = each.key == "portal" ? [{ containerPort = 8000 }] : []
      mountPoints = [
        { sourceVolume = "tmp", containerPath = "/tmp", readOnly = false },
        { sourceVolume = "files", containerPath = "/etc/latchkey", readOnly = true },
      ]
    }),
  ])
}

resource "aws_ecs_service" "portal" {
  name             = var.name
  cluster          = aws_ecs_cluster.portal.id
  task_definition  = aws_ecs_task_definition.task["portal"].arn
  desired_count    = var.replicas
  launch_type      = "FARGATE"
  platform_version = "LATEST"
  propagate_tags   = "SERVICE"
  tags             = var.tags

  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 60

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets         = var.private_subnet_ids
    security_groups = [aws_security_group.tasks.id]
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.portal.arn
    container_name   = "portal"
    container_port   = 8000
  }

  depends_on = [aws_lb_listener.https, aws_iam_role_policy.execution]
}

resource "aws_ecs_service" "worker" {
  count = local.channel && var.workers > 0 ? 1 : 0

  name             = "${var.name}-worker"
  cluster          = aws_ecs_cluster.portal.id
  task_definition  = aws_ecs_task_definition.task["worker"].arn
  desired_count    = var.workers
  launch_type      = "FARGATE"
  platform_version = "LATEST"
  propagate_tags   = "SERVICE"
  tags             = var.tags

  network_configuration {
    subnets         = var.private_subnet_ids
    security_groups = [aws_security_group.tasks.id]
  }

  depends_on = [aws_iam_role_policy.execution]
}
