"""Texts in, clean rows out. This package imports nothing of `train`."""
