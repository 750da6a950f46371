"""Models behind an API, through their providers' own clients."""
