"""Texts as token ids: stored, counted, cut."""
