terraform {
  required_version = ">= 1.8.0"
}

variable "environment" {
  type    = string
  default = "production"
}

resource "aws_s3_bucket" "logs" {
  bucket = "talwind-webshop-logs"
  tags = {
    environment = var.environment
    owner       = "platform"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id
  rule {
    id     = "expire"
    status = "Enabled"
    expiration { days = 400 }
  }
}
