"""Frozen records: what an exercise, a check, a verdict and a report are."""
