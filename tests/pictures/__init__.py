"""Screenshots of real runs and recordings of real terminals: `python -m tests.pictures OUT`."""
