"""Making graphs of a model that run without PyTorch, and proving that they give its vectors."""
