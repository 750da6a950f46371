"""Vectors that were computed before, in a file or in Redis."""
