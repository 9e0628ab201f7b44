# Passwords are made while Terraform runs, and are in no plan and no state. That takes write-only arguments.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.69" # the first that we know to have auth_token_wo
    }
    random = {
      source  = "hashicorp/random"
      version = ">= 3.7"
    }
  }
}
