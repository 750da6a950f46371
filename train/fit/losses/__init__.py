"""Losses, by the kind of rows."""
