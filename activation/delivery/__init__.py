"""Booked orders go to the backend, and what it answers goes into the books."""
