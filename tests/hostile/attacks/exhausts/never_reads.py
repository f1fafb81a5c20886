"""Never takes the next question.

Outcomes: hang
"""


def attack():
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    os.kill(os.getpid(), signal.SIGSTOP)
