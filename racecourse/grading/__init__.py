"""Putting a grade together: intake, plan, lanes, journal, report."""
