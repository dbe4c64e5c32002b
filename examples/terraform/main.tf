resource "aws_macie2_account" "this" {
  finding_publishing_frequency = "ONE_HOUR"
}

# What only this company has: numbers of badges.
resource "aws_macie2_custom_data_identifier" "badge" {
  name                   = "Badge number"
  description            = "Numbers of employees' badges"
  regex                  = "[A-Z]-\\d{8}"
  keywords               = ["badge", "personnel"]
  ignore_words           = ["X-0000"]
  maximum_match_distance = 30

  depends_on = [aws_macie2_account.this]
}

# Looks through all buckets now, and every Monday through what is new. A ONE_TIME job would do as well, but neither here nor on AWS can a
# complete one be destroyed: take it out of the state then (terraform state rm).
resource "aws_macie2_classification_job" "weekly" {
  name                       = "weekly"
  job_type                   = "SCHEDULED"
  initial_run                = true
  custom_data_identifier_ids = [aws_macie2_custom_data_identifier.badge.id]

  schedule_frequency {
    weekly_schedule = "MONDAY"
  }

  s3_job_definition {
    bucket_criteria {
      includes {
        and {
          simple_criterion {
            key        = "ACCOUNT_ID"
            comparator = "EQ"
            values     = [data.aws_caller_identity.current.account_id]
          }
        }
      }
      excludes {
        and {
          simple_criterion {
            key        = "S3_BUCKET_NAME"
            comparator = "EQ"
            values     = ["talwind-archive-backup"]
          }
        }
      }
    }
    scoping {
      excludes {
        and {
          simple_scope_term {
            key        = "OBJECT_EXTENSION"
            comparator = "EQ"
            values     = ["jpg", "mp4"]
          }
        }
      }
    }
  }

  tags = {
    team = "security"
  }
}

# Findings of low severity in logs are known: they are archived as they come.
resource "aws_macie2_findings_filter" "logs" {
  name        = "low-in-logs"
  description = "Reviewed in October"
  action      = "ARCHIVE"
  position    = 1

  finding_criteria {
    criterion {
      field = "resourcesAffected.s3Bucket.name"
      eq    = ["talwind-webshop-logs"]
    }
    criterion {
      field = "severity.description"
      eq    = ["Low"]
    }
  }

  depends_on = [aws_macie2_account.this]
}

# Keeps watch over who outside the account has access to its resources.
resource "aws_accessanalyzer_analyzer" "account" {
  analyzer_name = "account"
  type          = "ACCOUNT"
}

# The web site is public on purpose. By its id the analyzer takes its rule along when it is made anew.
resource "aws_accessanalyzer_archive_rule" "website" {
  analyzer_name = aws_accessanalyzer_analyzer.account.id
  rule_name     = "website"

  filter {
    criteria = "resource"
    eq       = ["arn:aws:s3:::talwind-public-site"]
  }
  filter {
    criteria = "isPublic"
    eq       = ["true"]
  }
}
