"""The ledger: batches, ranges, packages, orders and the audit chain; never a code."""
