"""A kit that holds any scan backend to the activation API, clause by clause."""
