"""The commands of `embed-tune`, one a file; `train.cli.app` registers them. Heavy imports live inside the functions."""
