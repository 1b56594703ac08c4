"""One revision per file; a published revision is never edited."""
