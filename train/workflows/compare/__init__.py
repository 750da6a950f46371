"""Choose a model: any models on one person's data, with quality, speed, size and price."""
