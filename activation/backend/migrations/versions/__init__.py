"""One revision a file; a published one is never edited."""
