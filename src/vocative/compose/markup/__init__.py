"""MJML and HTML: from what an author wrote to what mail programs understand."""
