"""What an order is, and how command lines, tables and scanned codes become an order."""
