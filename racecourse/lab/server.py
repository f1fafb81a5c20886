"""The server that I/O-bound jobs ask: answers each line with itself, after a while."""

import asyncio
import json
import sys
from functools import partial

_BACKLOG = 128


async def _answer(
    after_s: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    question = await reader.readline()
    await asyncio.sleep(after_s)
    writer.write(question)
    writer.close()


async def _serve(after_s: float) -> None:
    server = await asyncio.start_server(
        partial(_answer, after_s), "127.0.0.1", 0, backlog=_BACKLOG
    )
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"port": port}), flush=True)  # noqa: T201 - the starter reads it
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
