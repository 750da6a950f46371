"""Find hard negatives for pairs, and audit how many of them are false."""
