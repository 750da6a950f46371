"""What the columns of a table mean: which holds which text, and whether one says how well the texts belong together."""
