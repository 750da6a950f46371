"""What a run found, as pages, sentences and tables."""
