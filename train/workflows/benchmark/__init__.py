"""Public benchmark tasks (MTEB) and the user's own data sets."""
