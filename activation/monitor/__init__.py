"""Who watches: unknown scans traced, alarms sent, the day reported."""
