"""Where a model's weights come from, and whether they are complete."""
