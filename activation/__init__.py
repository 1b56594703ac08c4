"""Activation: orders, their delivery, and the reference scan backend."""
