"""What may happen to codes: serials, states, orders, attributes and receipts, as pure algebra."""
