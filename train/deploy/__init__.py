"""Export of the tuned model."""
