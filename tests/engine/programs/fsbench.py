"""SCTBench fsbench: block allocation whose table is one entry too small."""

import threading

BLOCKS = 4
INODES = 8
KIND = "exception"


def _run(*, threads_count: int) -> None:
    inodes = [0] * INODES
    inode_locks = [threading.Lock() for _ in range(INODES)]
    busy = [False] * BLOCKS
    block_locks = [threading.Lock() for _ in range(BLOCKS)]

    def create(task: int) -> None:
        inode = task % INODES
        with inode_locks[inode]:
            if inodes[inode] == 0:
                block = (inode * 2) % BLOCKS
                while True:
                    with block_locks[block]:
                        if not busy[block]:
                            busy[block] = True
                            inodes[inode] = block + 1
                            break
                    block += 1

    threads = [
        threading.Thread(target=create, args=(task,)) for task in range(threads_count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(threads_count=5)


def correct() -> None:
    _run(threads_count=4)
