"""What `embed-tune export` does: make graphs, prove them, judge and time them beside the model."""
