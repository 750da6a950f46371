"""Vectors in files: written, quantised, searched."""
