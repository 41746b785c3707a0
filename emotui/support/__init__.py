"""What has no noun of its own: errors, files, text from outside, settings, language."""
