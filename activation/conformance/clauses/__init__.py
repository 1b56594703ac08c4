"""The clauses written by hand, an area or a kind of question each."""
