variable "name" {
  type        = string
  default     = "latchkey"
  description = "Name of everything that is created, also of the ECS cluster."
}

variable "image" {
  type        = string
  description = "The image in your ECR repository, by digest: ACCOUNT.dkr.ecr.REGION.amazonaws.com/latchkey@sha256:DIGEST."

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by its digest, because a tag can be moved: REPOSITORY@sha256:DIGEST."
  }
}

variable "image_repository_arn" {
  type        = string
  description = "ARN of that ECR repository. The tasks may pull from no other."
}

variable "vpc_id" {
  type        = string
  description = "The VPC. It needs DNS host names turned on, for the endpoints."
}

variable "public_subnet_ids" {
  type        = list(string)
  description = "Subnets of the load balancer, in at least two Availability Zones."
}

variable "private_subnet_ids" {
  type        = list(string)
  description = "Subnets of tasks, database, cache and endpoints, in at least two Availability Zones."
}

variable "private_route_table_ids" {
  type        = list(string)
  description = "Route tables of the private subnets, which get the route to Amazon S3, where ECR keeps images."
}

variable "certificate_arn" {
  type        = string
  description = "ARN of the certificate in AWS Certificate Manager for the host of PUBLIC_URL."
}

variable "client_cidrs" {
  type        = list(string)
  default     = []
  description = "IPv4 networks from which users may reach the portal, like your office and VPN. Empty: nobody can."
}

variable "settings" {
  type        = map(string)
  description = "Settings from docs/settings.md that aren't secret, by name. ACCOUNTS and PUBLIC_URL are required."

  validation {
    condition     = alltrue([for name in keys(var.settings) : contains(local.settings, name)])
    error_message = "Only settings in docs/settings.md that aren't secret. Secret ones go into secret_arns."
  }

  validation {
    condition     = alltrue([for name in ["ACCOUNTS", "PUBLIC_URL"] : contains(keys(var.settings), name)])
    error_message = "Set ACCOUNTS and PUBLIC_URL."
  }
}

variable "secret_arns" {
  type        = map(string)
  default     = {}
  description = "ARNs of secrets in AWS Secrets Manager, by the name of the setting, like SMTP_PASSWORD. A secret named here is used instead of one that this module makes."

  validation {
    condition     = alltrue([for name in keys(var.secret_arns) : contains(local.secrets, name)])
    error_message = "Only secret settings in docs/settings.md. Others go into settings."
  }
}

variable "secret_kms_key_arns" {
  type        = list(string)
  default     = []
  description = "ARNs of the AWS KMS keys with which you encrypted the secrets in secret_arns, if they aren't AWS's."
}

variable "files" {
  type        = map(string)
  default     = {}
  description = "Text files that settings name, like a logo: name and content. They are in /etc/latchkey/. All together may have about 40 KB, because they are a part of the task definition."
}

variable "database_ca" {
  type        = string
  description = "The certificate authorities of Amazon RDS in your Region, as PEM: REGION-bundle.pem. The portal verifies the database with them."

  validation {
    condition     = startswith(var.database_ca, "-----BEGIN CERTIFICATE-----")
    error_message = "Set the content of REGION-bundle.pem: file(\"REGION-bundle.pem\")."
  }
}

variable "secrets_version" {
  type        = number
  default     = 1
  description = "Increase it to replace the passwords of database and cache. Deploy the services again afterwards."
}

variable "replicas" {
  type        = number
  default     = 2
  description = "Tasks that serve the portal."
}

variable "workers" {
  type        = number
  default     = 1
  description = "Tasks that send notices. There are none until a channel is set up (SMTP_SERVER, WEBHOOK_URL, ...)."
}

variable "cpu" {
  type        = number
  default     = 512
  description = "CPU units of a task. docs/operations.md says how many users they serve."
}

variable "memory" {
  type        = number
  default     = 1024
  description = "Memory of a task in MiB."
}

variable "database_instance_class" {
  type        = string
  default     = "db.t4g.small"
  description = "Instance class of the PostgreSQL database."
}

variable "database_storage_gb" {
  type        = number
  default     = 20
  description = "Storage of the database in GB. It grows by itself, up to five times that."
}

variable "database_backup_days" {
  type        = number
  default     = 30
  description = "Days for which RDS keeps backups, 1 to 35."
}

variable "cache_node_type" {
  type        = string
  default     = "cache.t4g.micro"
  description = "Node type of the two Redis nodes."
}

variable "interface_endpoints" {
  type        = map(string)
  default     = {}
  description = "More interface endpoints, any name to the name of the service. IAM and AWS Sign-In have endpoints in some Regions only. Without one, the private subnets need a way to the internet."
}

variable "requests_per_5_minutes" {
  type        = number
  default     = 3000
  description = "Requests that one address may send in 5 minutes before AWS WAF blocks it."
}

variable "log_retention_days" {
  type        = number
  default     = 90
  description = "Days for which CloudWatch Logs keeps the logs."
}

variable "deletion_protection" {
  type        = bool
  default     = true
  description = "Whether database and load balancer are protected from being deleted."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything that is created."
}
