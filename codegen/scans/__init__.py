"""Scanned text: what readers, cameras and gateways send, and the codes it may hold."""
