"""Reading the stacks that `faulthandler` wrote, as lines of the student's file. Pure."""

import re

from racecourse.model.result import SourceLine, Stack

_PROCESS = re.compile(r"^Process (\d+)$")
_THREAD = re.compile(
    r"^(?:Current thread|Thread) 0x[0-9a-f]+(?: \[(.*)\])? \(most recent call first\):"
)
_FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$')
_SHOWN_FRAMES = 6


def parse(text: str, *, folder: str, source: str) -> tuple[Stack, ...]:
    """Return one stack for each thread that stands in the submission.

    Args:
        text: What `faulthandler` wrote, with a line `Process N` before each process.
        folder: Where the submission was loaded from; frames elsewhere are not shown,
            but for the innermost call, which says what the thread waits for.
        source: The submission's text, to quote the lines.
    """
    stacks: list[Stack] = []
    lines = re.split(r"\r\n|\r|\n", source)  # where Python ends lines, and no more
    process, processes, threads = "", 0, 0
    frames: list[SourceLine] = []
    innermost = ""

    def finish(name: str) -> None:
        if frames:
            shown = tuple(reversed(frames))[-_SHOWN_FRAMES:]
            stacks.append(Stack(name=name + innermost, lines=shown))

    name = ""
    for line in text.splitlines():
        if match := _PROCESS.match(line):
            finish(name)
            frames, innermost = [], ""
            processes, threads = processes + 1, 0
            process = f"process {processes}, " if processes > 1 else ""
        elif match := _THREAD.match(line):
            finish(name)
            frames, innermost = [], ""
            threads += 1
            name = process + (match[1] or f"thread {threads}")
        elif match := _FRAME.match(line):
            file, number, function = match[1], int(match[2]), match[3]
            if file == f"{folder}/solution.py":
                code = lines[number - 1].strip() if number <= len(lines) else ""
                frames.append(
                    SourceLine(
                        file="solution.py", line=number, function=function, code=code
                    )
                )
            elif not frames and not innermost and not file.startswith(folder):
                innermost = f", waiting in {file.rsplit('/', 1)[-1]} {function}()"
    finish(name)
    return tuple(stacks)
