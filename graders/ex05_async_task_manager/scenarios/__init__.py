"""Driver code for the task manager: every scenario is one story in virtual time.

The grader draws values, priorities and durations; a scenario hands them to a manager and
returns what came out. Where an order or a number at once matters, the jobs also report
to the stage, which costs no virtual time. Nothing here judges anything.

A file for each category of checks; the scenarios in it stand in the order of the checks.
"""
