"""Forges a frame in UTF-16.

Outcomes: protocol-violation
"""


def attack():
    body = '{"ret": 1, "value": 42}'.encode("utf-16")
    everywhere(struct.pack(">I", len(body)) + body)
    return 42
