"""The books and the backend compared, and brought together again."""
