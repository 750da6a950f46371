"""What a run's figures look like, one file a picture: each has a sentence that says what it shows, and a table."""
