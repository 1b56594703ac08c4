"""The activation API from a line's side: the client, its wire format, signatures, connections."""
