"""Detaches children three times over, and kills its parent.

Outcomes: crash
Outcomes at root: wrong-result
Outcomes at user: hang | wrong-result
Outcomes at container, landlock: wrong-result
"""


def attack():
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(15, signal.SIG_IGN)
                time.sleep(99)
            os._exit(0)
    os.kill(os.getppid(), 9)
    time.sleep(99)
