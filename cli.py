"""The `grade` command."""


def main() -> None:
    """Run the command line."""
