"""Prints and raises what steers a terminal and a CI system.

Outcomes: wrong-result
"""


def attack():
    steer = "\x1b]52;c;aGFja2Vk\x07\x1b[2J\x9b31m\n::add-mask::x\n##vso[task.complete result=Succeeded]\r::stop-commands::y"
    print(steer, flush=True)
    raise ValueError(steer)
