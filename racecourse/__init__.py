"""Racecourse: an auto-graded course on concurrency and parallelism in Python."""
