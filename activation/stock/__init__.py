"""What of the goods is still on its way: codes active, scanned and unscanned, by what they bear."""
