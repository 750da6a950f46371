"""Look for what is wrong in the rows: leaks, duplicates, broken texts, other languages."""
