"""What lies in what (关联): scans become cartons, and orders of packing are booked."""
