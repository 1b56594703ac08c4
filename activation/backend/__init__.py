"""The reference scan backend: a complete, small implementation of the activation API."""
