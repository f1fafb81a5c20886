"""Controlled execution: virtual time and the exploration of schedules."""
