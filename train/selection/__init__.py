"""Choose a checkpoint on dev."""
