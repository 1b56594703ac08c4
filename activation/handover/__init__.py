"""What the team of a scan backend is handed, in one folder."""
