"""Orders of a line while the ledger is out of reach: a queue of signed intents."""
