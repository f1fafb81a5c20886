"""The `grade` command.

Exit codes: 0 full marks (or `--min-score` reached), 1 graded and not full, 2 usage,
3 could not grade, 130 stopped with Ctrl-C (128 + the signal, as shells count).
"""

import signal
import sys
from types import FrameType
from typing import NoReturn

import click

from racecourse.commands import author, replay, student
from racecourse.commands.common import NOT_GRADED, STOPPED, USAGE, exit_code_of
from racecourse.report.failure import Refusal

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Group(click.Group):
    """A group in which a word that is no command is an exercise to run."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and args[0][:1] != "-":
            args = ["run", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="racecourse", message="racecourse %(version)s")
def cli() -> None:
    """Grade your solutions to the exercises of Racecourse.

    `grade init` makes a workspace; `grade ex3` grades your solution to exercise 3.
    """


for command in (
    *(student.init, student.list_, student.show, student.run, student.all_),
    *(student.hint, replay.replay, student.demo, student.doctor),
    *(author.verify, author.explore, author.lab),
):
    cli.add_command(command)


def main() -> None:
    """Run the command line. Whatever happens, there is a message and an exit code."""
    for number in _SIGNALS:
        # Whoever started us may want a signal ignored, as `nohup` and `&` do.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop_once)
    try:
        with cli.make_context("grade", sys.argv[1:]) as context:
            cli.invoke(context)
    except click.exceptions.Exit as wish:
        sys.exit(wish.exit_code)
    except click.ClickException as error:
        _end(f"{error.format_message()}\nTry `grade --help`.", USAGE)
    except Refusal as refusal:
        _end(refusal.message, exit_code_of(refusal.blame))
    except KeyboardInterrupt:
        _end("Stopped.", STOPPED)
    except BrokenPipeError:
        _end_quietly()
    except Exception as error:  # noqa: BLE001 - a mistake of ours, said as such
        _end(_confession(error), NOT_GRADED)


def _end(message: str, code: int) -> NoReturn:
    from racecourse.report.delivery import say  # noqa: PLC0415

    say(message)
    sys.exit(code)


def _end_quietly() -> NoReturn:
    """End as a program whose reader has gone: `grade list | head -1`."""
    import os  # noqa: PLC0415

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(128 + signal.SIGPIPE)


def _stop_once(_number: int, _frame: FrameType | None) -> NoReturn:
    """Stop the run; from here on, clean-up is not disturbed."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _confession(error: Exception) -> str:
    """Write a mistake of ours to a file and return what to say about it."""
    import traceback  # noqa: PLC0415

    from racecourse.report.files import keep_for_us  # noqa: PLC0415

    file = keep_for_us("".join(traceback.format_exception(error)))
    return f"The grader failed, not your code. Please send us {file}."


if __name__ == "__main__":
    main()
