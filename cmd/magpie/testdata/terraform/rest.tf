# Beside examples/terraform: all else that the provider has of the two services, in forms that are easily not quite what comes back.

variable "changed" {
  description = "Whether everything that can be changed in place is."
  type        = bool
  default     = false
}

variable "unbuilt" {
  description = "Whether resources are asked for whose operations are not built."
  type        = bool
  default     = false
}

locals {
  account = data.aws_caller_identity.current.account_id
}

resource "aws_macie2_custom_data_identifier" "minimal" {
  regex      = "\\d{4}-\\d{4}"
  depends_on = [aws_macie2_account.this]
}

resource "aws_macie2_custom_data_identifier" "tagged" {
  name_prefix  = "tagged-"
  description  = "\"Quotes\" & <angles>, Übergröße"
  regex        = "[A-Z]{2}\\d{6}"
  keywords     = ["zulu", "alpha", "mike"]
  ignore_words = ["ZZ000000", "AA000000"]
  tags         = var.changed ? { kept = "", new = "a/b:c" } : { kept = "", old = "x" }
  depends_on   = [aws_macie2_account.this]
}

resource "aws_macie2_custom_data_identifier" "replaced" {
  name       = "Replaced"
  regex      = var.changed ? "\\d{9}" : "\\d{8}"
  depends_on = [aws_macie2_account.this]
}

resource "aws_macie2_custom_data_identifier" "lost" {
  name       = "Lost"
  regex      = "\\d{7}"
  depends_on = [aws_macie2_account.this]
}

resource "aws_macie2_findings_filter" "every" {
  name        = "every-operator"
  description = var.changed ? "changed" : "as made"
  action      = var.changed ? "NOOP" : "ARCHIVE"
  position    = 4

  finding_criteria {
    criterion {
      field = "region"
      eq    = ["us-east-1", "eu-west-1"]
    }
    criterion {
      field = "sample"
      neq   = ["true"]
    }
    criterion {
      field          = "classificationDetails.result.sensitiveData.category"
      eq_exact_match = ["PERSONAL_INFORMATION", "CREDENTIALS"]
    }
    criterion {
      field = "count"
      gt    = "12"
      lt    = var.changed ? "15" : "14"
    }
    criterion {
      field = "updatedAt"
      gte   = "2024-02-29T01:02:03Z"
      lte   = "2027-01-01T00:00:00Z"
    }
  }

  tags       = var.changed ? { kept = "", new = "y" } : { kept = "", old = "x" }
  depends_on = [aws_macie2_account.this]
}

resource "aws_macie2_findings_filter" "unplaced" {
  name_prefix = "unplaced-"
  action      = "NOOP"

  finding_criteria {
    criterion {
      field = "type"
      eq    = ["SensitiveData:S3Object/Personal"]
    }
  }

  depends_on = [aws_macie2_findings_filter.every, aws_macie2_findings_filter.moved, aws_macie2_findings_filter.logs]
}

resource "aws_macie2_findings_filter" "moved" {
  name     = "moved"
  action   = "NOOP"
  position = var.changed ? 3 : 2

  finding_criteria {
    criterion {
      field = "archived"
      eq    = ["false"]
    }
  }

  depends_on = [aws_macie2_account.this]
}

resource "aws_macie2_classification_job" "once" {
  name_prefix         = "once-"
  description         = "Of all kinds of scoping"
  job_type            = "ONE_TIME"
  job_status          = var.changed ? "USER_PAUSED" : "RUNNING"
  sampling_percentage = 50

  s3_job_definition {
    bucket_definitions {
      account_id = local.account
      buckets    = ["payroll", "customers", "archive"]
    }
    scoping {
      includes {
        and {
          simple_scope_term {
            key        = "OBJECT_KEY"
            comparator = "STARTS_WITH"
            values     = ["b/", "a/"]
          }
        }
        and {
          tag_scope_term {
            key        = "TAG"
            comparator = "EQ"
            target     = "S3_OBJECT"
            tag_values {
              key   = "class"
              value = "pii"
            }
            tag_values {
              key   = "class"
              value = ""
            }
          }
        }
      }
      excludes {
        and {
          simple_scope_term {
            key        = "OBJECT_SIZE"
            comparator = "GT"
            values     = ["100000"]
          }
        }
        and {
          simple_scope_term {
            key        = "OBJECT_LAST_MODIFIED_DATE"
            comparator = "LT"
            values     = ["2020-01-01T00:00:00Z"]
          }
        }
        and {
          tag_scope_term {
            key        = "TAG"
            comparator = "NE"
            tag_values {
              key = "reviewed"
            }
          }
        }
      }
    }
  }

  depends_on = [aws_macie2_account.this]
}

resource "aws_macie2_classification_job" "monthly" {
  name       = "monthly"
  job_type   = "SCHEDULED"
  job_status = var.changed ? "USER_PAUSED" : "RUNNING"

  schedule_frequency {
    monthly_schedule = 31
  }

  s3_job_definition {
    bucket_criteria {
      includes {
        and {
          tag_criterion {
            comparator = "EQ"
            tag_values {
              key   = "env"
              value = "production"
            }
            tag_values {
              key   = "env"
              value = ""
            }
          }
        }
        and {
          simple_criterion {
            key        = "S3_BUCKET_SHARED_ACCESS"
            comparator = "NE"
            values     = ["NOT_SHARED", "UNKNOWN"]
          }
        }
      }
      excludes {
        and {
          simple_criterion {
            key        = "S3_BUCKET_EFFECTIVE_PERMISSION"
            comparator = "EQ"
            values     = ["PUBLIC"]
          }
        }
      }
    }
  }

  tags       = var.changed ? { kept = "", new = "y" } : { kept = "", old = "x" }
  depends_on = [aws_macie2_account.this]
}

resource "aws_macie2_classification_job" "daily" {
  job_type    = "SCHEDULED"
  initial_run = false

  schedule_frequency {
    daily_schedule = true
  }

  s3_job_definition {
    bucket_definitions {
      account_id = local.account
      buckets    = ["payroll"]
    }
  }

  depends_on = [aws_macie2_account.this]
}

resource "aws_macie2_classification_export_configuration" "results" {
  s3_destination {
    bucket_name = var.changed ? "archive" : "results"
    key_prefix  = var.changed ? null : "discovery/"
    kms_key_arn = "arn:aws:kms:us-east-1:${local.account}:key/11111111-2222-3333-4444-555555555555"
  }

  depends_on = [aws_macie2_account.this]
}

resource "aws_accessanalyzer_analyzer" "organization" {
  analyzer_name = "organization"
  type          = "ORGANIZATION"
  tags          = var.changed ? { kept = "", new = "y" } : { kept = "", old = "x" }
}

resource "aws_accessanalyzer_archive_rule" "every" {
  analyzer_name = aws_accessanalyzer_analyzer.organization.analyzer_name
  rule_name     = "every_operator"

  filter {
    criteria = "condition.aws:UserId"
    eq       = ["user-b", "user-a"]
  }
  filter {
    criteria = "error"
    exists   = var.changed ? "false" : "true"
  }
  filter {
    criteria = "resourceType"
    neq      = ["AWS::SQS::Queue"]
  }
  dynamic "filter" {
    for_each = var.changed ? [] : ["dropped"]
    content {
      criteria = "resource"
      contains = ["logs", "public"]
    }
  }
}

resource "aws_macie2_member" "unbuilt" {
  count      = var.unbuilt ? 1 : 0
  account_id = "444455556666"
  email      = "member@example.com"
  depends_on = [aws_macie2_account.this]
}

resource "aws_macie2_invitation_accepter" "unbuilt" {
  count                    = var.unbuilt ? 1 : 0
  administrator_account_id = "444455556666"
  depends_on               = [aws_macie2_account.this]
}

resource "aws_macie2_organization_admin_account" "unbuilt" {
  count            = var.unbuilt ? 1 : 0
  admin_account_id = "444455556666"
  depends_on       = [aws_macie2_account.this]
}

resource "aws_macie2_organization_configuration" "unbuilt" {
  count       = var.unbuilt ? 1 : 0
  auto_enable = true
  depends_on  = [aws_macie2_account.this]
}

resource "aws_accessanalyzer_analyzer" "unbuilt" {
  count         = var.unbuilt ? 1 : 0
  analyzer_name = "unused"
  type          = "ACCOUNT_UNUSED_ACCESS"

  configuration {
    unused_access {
      unused_access_age = 180
    }
  }
}
