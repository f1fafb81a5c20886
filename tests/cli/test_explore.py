"""`grade explore`: the engine on any file, with its three exit codes."""

import json
import subprocess
import sys
from pathlib import Path

BANK = """\
import threading

class Account:
    def __init__(self):
        self.balance = 0

    def deposit(self, n):
        self.balance += n

def _after(deposit):
    account = Account()
    threads = [threading.Thread(target=deposit, args=(account,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert account.balance == 2, f"the balance is {account.balance}"

def program():
    _after(lambda account: account.deposit(1))

def locked():
    lock = threading.Lock()
    def deposit(account):
        with lock:
            account.deposit(1)
    _after(deposit)
"""


def explore(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", "explore", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_lost_update_is_told_and_the_token_repeats_it(tmp_path: Path):
    file = tmp_path / "bank.py"
    file.write_text(BANK, encoding="utf-8")
    found = explore(file, "--json")
    assert found.returncode == 1, found.stderr
    report = json.loads(found.stdout)
    assert "the balance is 1" in report["explanation"]
    again = explore("--replay", report["token"])
    assert again.returncode == 1, again.stderr
    assert "the balance is 1" in again.stdout


def test_the_same_with_a_lock_passes_and_says_what_was_tried(tmp_path: Path):
    file = tmp_path / "bank.py"
    file.write_text(BANK, encoding="utf-8")
    done = explore(f"{file}::locked", "--runs", 300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "was tried" in done.stdout


def test_what_cannot_run_is_one_line_and_exit_code_2(tmp_path: Path):
    missing = explore(tmp_path / "nothing.py")
    assert missing.returncode == 2
    assert "cannot be read" in missing.stdout
    for arguments in ((), ("--replay", "xx"), ("a.py", "--replay", "xx")):
        refused = explore(*arguments)
        assert refused.returncode == 2
        assert len(refused.stderr.splitlines()) == 1, refused.stderr
