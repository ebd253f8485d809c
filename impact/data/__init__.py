"""Published studies of delay, with their sources."""
