"""Experiment tracking: a run's figures in a dashboard, beside the run folder. Rank 0 only; texts only when asked for."""
