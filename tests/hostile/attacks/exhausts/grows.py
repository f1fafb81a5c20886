"""Takes more and more memory.

Outcomes: memory
Limits: wall_s=5, memory_mib=150
"""


def attack():
    kept = []
    while True:
        kept.append(bytearray(1 << 20))
        time.sleep(0.002)
