"""What a code is: its alphabet and length, how it is drawn, fingerprinted and put into a URL."""
