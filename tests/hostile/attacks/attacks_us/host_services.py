"""Connects to services of the machine: TCP, UDP, sockets by path and by name.

Outcomes: passed
Test: gets nothing
Levels: root, user
"""


def attack():
    got = []
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", PORT), timeout=1)
        got.append("tcp")
    with contextlib.suppress(OSError):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.connect(("192.0.2.1", 53))
        udp.send(b"x")
        got.append("udp")
    for address in (SOCKET, "\0" + ABSTRACT):
        with contextlib.suppress(OSError):
            socket.socket(socket.AF_UNIX).connect(address)
            got.append(address)
    return got
