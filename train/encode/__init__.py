"""The model as a function from texts to vectors; fit, evaluate and deploy all stand on it."""
