"""Forges a frame in which a key occurs twice.

Outcomes: protocol-violation
"""


def attack():
    body = b'{"ret": 1, "value": 41, "value": 42}'
    everywhere(struct.pack(">I", len(body)) + body)
    return 42
