"""Where orders come from: files, a hot folder, an open stream, a command."""
