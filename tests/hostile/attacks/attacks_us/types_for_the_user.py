"""Types into the terminal of whoever grades.

Outcomes: passed
Test: gets nothing
"""


def attack():
    import fcntl
    import termios

    got = []
    for fd in range(10):
        with contextlib.suppress(OSError):
            fcntl.ioctl(fd, termios.TIOCSTI, b"x")
            got.append(fd)
    with contextlib.suppress(OSError):
        got.append(os.open("/dev/tty", os.O_RDWR))
    return got
