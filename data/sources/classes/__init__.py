"""Rows of a text and its class: recognised, and read as judged queries, for which the texts of their class are relevant."""
