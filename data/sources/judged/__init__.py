"""Judged queries over a corpus as they come: which files hold what, and judgements in their usual forms."""
