"""The files of a run: where they are, what is in them, how they are read and written."""
