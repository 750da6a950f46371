"""Settings: their schema, how files and words are read, and what is said about mistakes in them."""
