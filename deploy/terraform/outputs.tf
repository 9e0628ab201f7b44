output "load_balancer_dns_name" {
  value       = aws_lb.portal.dns_name
  description = "Name of the load balancer, for the DNS record of PUBLIC_URL's host."
}

output "load_balancer_zone_id" {
  value       = aws_lb.portal.zone_id
  description = "Its hosted zone, for an alias record in Route 53."
}

# The family names its newest revision, so the commands stay right after `terraform apply -target`.
locals {
  run_task = join(" ", [
    "aws ecs run-task --cluster", aws_ecs_cluster.portal.name,
    "--task-definition", aws_ecs_task_definition.task["migrate"].family,
    "--launch-type FARGATE --network-configuration",
    "'awsvpcConfiguration={subnets=[${join(",", var.private_subnet_ids)}],securityGroups=[${aws_security_group.tasks.id}]}'",
  ])
}

output "migrate_command" {
  value       = local.run_task
  description = "The command that creates or migrates the database. Run it before the services get tasks of a new version."
}

output "doctor_command" {
  value       = "${local.run_task} --overrides '${jsonencode({ containerOverrides = [{ name = "migrate", command = ["doctor"] }] })}'"
  description = "The command that runs the doctor in a task. For another command, replace its last words."
}

output "secret_arns" {
  value       = local.secret_arns
  description = "ARNs of all secrets that the tasks get, by the name of the setting."
}

output "tasks_security_group_id" {
  value       = aws_security_group.tasks.id
  description = "The security group of the tasks, for a mail server or a Prometheus of yours."
}

output "log_group_name" {
  value       = aws_cloudwatch_log_group.portal.name
  description = "The log group with the logs of all tasks."
}
