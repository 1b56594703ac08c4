"""The sealed batch: encrypted codes at rest that the mint station cannot read back."""
