"""The station: one home folder's keys, configuration, ledger and vault, put together."""
