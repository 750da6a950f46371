"""Metrics, statistics, verdict and report."""
