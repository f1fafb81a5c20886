"""Forges a frame with a number beyond all floats.

Outcomes: protocol-violation
"""


def attack():
    body = b'{"ret": 1, "value": 1e999}'
    everywhere(struct.pack(">I", len(body)) + body)
    return 42
