"""Forges a frame that is nested ten thousand deep.

Outcomes: protocol-violation
"""


def attack():
    body = b'{"ret": 1, "value": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    everywhere(struct.pack(">I", len(body)) + body)
    return 42
