"""Fills the buffers of as many pipes as it can get.

Outcomes: wrong-result
"""


def attack():
    while True:
        _, write = os.pipe()
        os.set_blocking(write, False)
        with contextlib.suppress(BlockingIOError):
            os.write(write, bytes(1 << 20))
