# Manages Macie and Access Analyzer as Magpie serves them, by the AWS provider as it is. From the folder in which examples stands:
#
#     magpie serve --source examples/estate --data data &
#     terraform -chdir=examples/terraform init
#     terraform -chdir=examples/terraform apply

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.26"
    }
  }
}

variable "data" {
  description = "The data folder of the server, with the key and the profile that it has written there."
  type        = string
  default     = "../../data"
}

# The profile says the Region and where the server is, for these services only. For a server elsewhere, or keys from somewhere else:
#
#     endpoints {
#       accessanalyzer = "https://magpie.example:4750"
#       macie2         = "https://magpie.example:4750"
#       sts            = "https://magpie.example:4750"
#     }
#
# No skip_ setting is needed: the provider asks STS whose key it has, and Magpie answers that.
provider "aws" {
  profile                  = "magpie"
  shared_config_files      = ["${var.data}/config"]
  shared_credentials_files = ["${var.data}/credentials"]
}

data "aws_caller_identity" "current" {}
