"""Generated sequences of orders and scans, held to what the document says of them."""
