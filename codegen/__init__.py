"""Minting and the books: specs, sealed batches, the ledger, the station."""
