"""Forges a frame with a number of five thousand digits.

Outcomes: protocol-violation
"""


def attack():
    body = b'{"ret": 1, "value": ' + b"9" * 5000 + b"}"
    everywhere(struct.pack(">I", len(body)) + body)
    return 42
