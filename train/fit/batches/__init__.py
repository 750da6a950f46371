"""Which rows meet in a batch."""
