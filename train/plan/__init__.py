"""What will be done: the data, the recipe and the checks before anything is written."""
