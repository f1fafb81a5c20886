"""Driver code for the thread pool: each scenario is one story, told to the stage.

A file for each category of checks; the scenarios in it stand in the order of the checks.
Where a scenario waits for the grader, it waits at a gate; where a number at once or an
order matters, the tasks report it. These are the names on the stage:

    task       inside: a task is running
    ran        note: a task has run
    go         gate: held tasks wait inside
    more       gate: the scenario goes on to its next part
    together   meeting: as many tasks as are expected at once
    told       note: what a scenario has to say before its end
"""
