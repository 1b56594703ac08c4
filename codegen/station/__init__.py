"""The station: a home folder's keys, configuration, ledger and vault, put together."""
