"""Watching: unknown scans traced, alarms sent, the day reported."""
