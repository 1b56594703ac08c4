"""What happened to items, cartons and pallets, told in EPCIS 2.0 for those who trade in them."""
