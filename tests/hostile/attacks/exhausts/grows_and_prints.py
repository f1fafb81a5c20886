"""Takes more and more memory, and prints all the while.

Outcomes: memory
Limits: wall_s=5, memory_mib=150
"""


def attack():
    kept = []
    while True:
        kept.append(bytearray(1 << 20))
        print(1, flush=True)
        time.sleep(0.002)
