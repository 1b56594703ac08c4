"""The stations of a home that they share: who founds it, joins it, is admitted, and leaves it."""
