# ruff: noqa: ANN001, ANN202, BLE001
"""What students' code may do at every level: a scenario with one function for each.

Each returns whether it works as Python's documentation says.
"""

import asyncio
import concurrent.futures
import fcntl
import getpass
import importlib
import multiprocessing
import multiprocessing.managers
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from multiprocessing import shared_memory
from pathlib import Path

METHODS = ("fork", "spawn", "forkserver")


def _double(number):
    return 2 * number


def _put(queue):
    queue.put(42)


def _imports(module):
    return importlib.import_module(module).__name__


def _under(lock, value):
    with lock:
        value.value += 1


def threads():
    all_here = threading.Barrier(100)
    crowd = [threading.Thread(target=all_here.wait) for _ in range(100)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    return True


def pool(method):
    with multiprocessing.get_context(method).Pool(2) as workers:
        return workers.map(_double, [1, 2, 3]) == [2, 4, 6]


def queue(method):
    context = multiprocessing.get_context(method)
    results = context.Queue()
    child = context.Process(target=_put, args=(results,))
    child.start()
    seen = results.get(timeout=20)
    child.join()
    return seen == 42


def imports(method):
    modules = ["racecourse.sandbox.stage", "decimal"]
    with multiprocessing.get_context(method).Pool(1) as workers:
        return workers.map(_imports, modules) == modules


def lock_and_value(method):
    context = multiprocessing.get_context(method)
    lock, value = context.Lock(), context.Value("i", 0)
    crowd = [context.Process(target=_under, args=(lock, value)) for _ in range(2)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    return value.value == 2


def array():
    shared = multiprocessing.Array("d", [1.0, 2.0])
    return list(shared) == [1.0, 2.0]


def shared_block():
    block = shared_memory.SharedMemory(create=True, size=1 << 20)
    try:
        again = shared_memory.SharedMemory(name=block.name)
        block.buf[0] = 7
        same = again.buf[0] == 7
        again.close()
        return same
    finally:
        block.close()
        block.unlink()


def manager():
    with multiprocessing.Manager() as shared:
        table = shared.dict()
        table["a"] = 1
        return dict(table) == {"a": 1}


def executor():
    with concurrent.futures.ProcessPoolExecutor(2) as workers:
        return list(workers.map(_double, [1, 2])) == [2, 4]


def subprocess_run():
    done = subprocess.run(
        [sys.executable, "-c", "print(6 * 7)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout == "42\n"


def asyncio_subprocess():
    async def run():
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "print(42)", stdout=asyncio.subprocess.PIPE
        )
        out, _ = await child.communicate()
        return out == b"42\n"

    return asyncio.run(run())


def asyncio_tcp():
    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    async def run():
        server = await asyncio.start_server(echo, "localhost", 0)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello\n")
        line = await reader.readline()
        writer.close()
        server.close()
        return line == b"hello\n"

    return asyncio.run(run())


def asyncio_to_thread():
    return asyncio.run(asyncio.to_thread(_double, 21)) == 42


def unix_socket():
    place = f"{tempfile.mkdtemp()}/socket"
    with (
        socket.socket(socket.AF_UNIX) as server,
        socket.socket(socket.AF_UNIX) as client,
    ):
        server.bind(place)
        server.listen()
        client.connect(place)
        other, _ = server.accept()
        with other:
            other.sendall(b"x")
        return client.recv(1) == b"x"


def signals():
    seen = []
    before = signal.signal(signal.SIGUSR2, lambda *_: seen.append(1))
    os.kill(os.getpid(), signal.SIGUSR2)
    signal.signal(signal.SIGUSR2, before)
    return seen == [1]


def file_locks():
    with tempfile.TemporaryFile() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        fcntl.lockf(file, fcntl.LOCK_EX)
    return True


def database():
    place = f"{tempfile.mkdtemp()}/data.db"
    with sqlite3.connect(place) as connection:
        connection.execute("create table t (x)")
        connection.execute("insert into t values (42)")
        return connection.execute("select x from t").fetchone() == (42,)


def temporary_files():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a").write_text("b", encoding="ascii")
        return Path(folder, "a").read_text(encoding="ascii") == "b"


def current_folder():
    Path("here").write_text("x", encoding="ascii")
    return Path.cwd().joinpath("here").exists() and str(Path.home()) == str(Path.cwd())


def names():
    return bool(getpass.getuser()) and socket.gethostbyname("localhost") == "127.0.0.1"


def cores():
    return len(os.sched_getaffinity(0)) >= 1 and (os.cpu_count() or 0) >= 1


def blank_main():
    main = sys.modules["__main__"]
    return not hasattr(main, "__file__")


FEATURES = (
    *(threads, array, shared_block, manager, executor, subprocess_run),
    *(asyncio_subprocess, asyncio_tcp, asyncio_to_thread, unix_socket, signals),
    *(file_locks, database, temporary_files, current_folder, names, cores, blank_main),
)


def failing():
    """Try everything; return what does not work, with the reason."""
    tried = {feature.__name__: feature for feature in FEATURES}
    for method in METHODS:
        for feature in (pool, queue, lock_and_value, imports):
            name = f"{feature.__name__} {method}"
            tried[name] = lambda f=feature, m=method: f(m)
    wrong = {}
    for name, feature in tried.items():
        try:
            if not feature():
                wrong[name] = "it came to something else"
        except BaseException as error:
            wrong[name] = f"{type(error).__name__}: {error}"
    return {"tried": len(tried), "wrong": wrong}
