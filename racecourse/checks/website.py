"""A website for scrapers: a real aiohttp server whose answers and delays are scripted.

It runs in the supervisor and shares one virtual clock with the worker, turn by turn
(`racecourse.sandbox.lockstep` tells how). What it saw is evidence of tier T0: which
request came when and over which connection, how many were open at once, and who hung
up. Times are virtual seconds.

    with website.Website(submission.stage, {"/a": [Answer(status=503), Answer("text")]}) as site:
        run = submission.virtual("scrape", urls=[site.url("/a")])
        must.equal(len(site.hits), 2, what="requests")

A path gives its answers one after the other, and the last one from then on.
"""

import asyncio
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from aiohttp import web

from racecourse.checks.turns import ServerLoop
from racecourse.sandbox import protocol
from racecourse.sandbox.lockstep import TURN
from racecourse.sandbox.stage_host import StageHost

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() drops what is unsent and resets
_BEFORE_RESET_S = 0.1  # the client has read the first half by then
_NEVER_S = 1e9  # no idle connection is ever dropped by this server


@dataclass(frozen=True, slots=True)
class Answer:
    """What the site does with one request."""

    body: str = ""
    status: int = 200
    delay_s: float = 0.0  # from the request to the first byte of the answer
    headers: Mapping[str, str] = field(default_factory=dict)
    # "hang" never answers, "stall" sends half of the body and then nothing, "reset"
    # sends half and then breaks the connection.
    fault: Literal["", "hang", "stall", "reset"] = ""


@dataclass(slots=True)
class Hit:
    """One request. `end_s` is None while it is open."""

    path: str
    headers: dict[str, str]
    connection: int  # in the order of their opening
    start_s: float
    end_s: float | None = None
    dropped: bool = False  # the client hung up before it had the answer


@dataclass(slots=True)
class Visit:
    """One connection. `closed_s` is None while it is open."""

    opened_s: float
    closed_s: float | None = None


class Website:
    """The server, from its opening to its closing; a context manager.

    Attributes:
        hits: Every request so far, in the order of arrival.
        visits: Every connection so far, likewise.
        most_at_once: The most requests that were open at one time. One that ends at
            the very instant at which another begins does not count with it.
        most_connections: Likewise of connections.
    """

    def __init__(
        self,
        stage: StageHost,
        pages: Mapping[str, Sequence[Answer]],
        *,
        listener: socket.socket | None = None,
    ) -> None:
        self.hits: list[Hit] = []
        self.visits: list[Visit] = []
        self.most_at_once = self.most_connections = 0
        self._pages = pages
        self._asked: dict[str, int] = {}
        self._loop = ServerLoop(when_quiet=self._count)
        self._listener = listener or socket.create_server(
            ("127.0.0.1", 0), backlog=1024
        )
        self._port: int = self._listener.getsockname()[1]
        self._start_s = self._loop.time()
        self._started = self._closed = False
        stage.answer_by(TURN, self._take_turn)

    def url(self, path: str) -> str:
        """Return the address of a path of this site."""
        return f"http://127.0.0.1:{self._port}{path}"

    def hits_of(self, path: str) -> list[Hit]:
        """Return the requests for one path."""
        return [hit for hit in self.hits if hit.path == path]

    @property
    def open_hits(self) -> int:
        """How many requests are open now."""
        return sum(hit.end_s is None for hit in self.hits)

    @property
    def open_visits(self) -> int:
        """How many connections are open now."""
        return sum(visit.closed_s is None for visit in self.visits)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the site.

        Raises:
            Exception: What went wrong in the server; that is nobody's fault but ours.
        """
        self._closed = True
        try:
            self._loop.end()
        finally:
            self._listener.close()

    def _take_turn(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a worker's question; it may send nonsense, and is cut off then."""
        if self._closed:
            raise protocol.ProtocolError("the website is closed")
        now_ns, due_ns = int(question["now_ns"]), question["due_ns"]
        due_ns = None if due_ns is None else int(due_ns)
        sent = {
            int(ours): int(count)
            for ours, to, count in question["sent"]
            if to == self._port
        }
        if not self._started:
            self._started = True
            self._loop.clock.advance_to(now_ns)
            self._start_s = self._loop.time()
            self._loop.create_task(self._open())
        try:
            turn = self._loop.take_turn(now_ns=now_ns, due_ns=due_ns, sent=sent)
        except Exception as problem:
            self._loop.problems.append(problem)
            raise protocol.ProtocolError("the website has broken down") from problem
        return {"port": self._port, **turn}

    async def _open(self) -> None:
        manager = web.Server(
            self._handle,
            handler_cancellation=True,
            keepalive_timeout=_NEVER_S,
            access_log=None,
        )
        options = {"keepalive_timeout": _NEVER_S, "access_log": None}
        self._server = await self._loop.create_server(
            lambda: _Connection(self, manager, loop=self._loop, **options),
            sock=self._listener,
            backlog=1024,
        )

    def _now_s(self) -> float:
        return self._loop.time() - self._start_s

    def _count(self) -> None:
        """Count what is open while time stands still and nothing is under way."""
        self.most_at_once = max(self.most_at_once, self.open_hits)
        self.most_connections = max(self.most_connections, self.open_visits)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        hit = Hit(
            path=request.path_qs,
            headers=dict(request.headers),
            connection=getattr(request.protocol, "number", -1),
            start_s=self._now_s(),
        )
        self.hits.append(hit)
        try:
            return await self._answer(request, self._next(request.path_qs))
        except asyncio.CancelledError:
            hit.dropped = True
            raise
        except Exception as problem:
            self._loop.problems.append(problem)  # aiohttp would answer with a 500
            raise
        finally:
            hit.end_s = self._now_s()

    def _next(self, path: str) -> Answer:
        answers = self._pages.get(path, (Answer("no such page", status=404),))
        number = self._asked.get(path, 0)
        self._asked[path] = number + 1
        return answers[min(number, len(answers) - 1)]

    async def _answer(
        self, request: web.BaseRequest, answer: Answer
    ) -> web.StreamResponse:
        await asyncio.sleep(answer.delay_s)
        if answer.fault == "hang":
            await _for_ever()
        if answer.fault:
            await _break_off(request, answer)
        return web.Response(
            text=answer.body, status=answer.status, headers=answer.headers
        )


class _Connection(web.RequestHandler):
    """aiohttp's own connection, which also tells the site when it opens and closes."""

    __slots__ = ("_site", "number")

    def __init__(self, site: Website, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._site = site
        self.number = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.number = len(self._site.visits)
        self._site.visits.append(Visit(opened_s=self._site._now_s()))  # noqa: SLF001 - one unit in two classes
        self._site._loop.opened(transport)  # noqa: SLF001 - likewise

    def connection_lost(self, exc: BaseException | None) -> None:
        self._site.visits[self.number].closed_s = self._site._now_s()  # noqa: SLF001 - likewise
        if self.transport is not None:
            self._site._loop.closed(self.transport)  # noqa: SLF001 - likewise
        super().connection_lost(exc)


async def _break_off(request: web.BaseRequest, answer: Answer) -> None:
    """Send half of an answer, then nothing more or a reset; never returns."""
    body = answer.body.encode()
    response = web.StreamResponse(
        status=answer.status, headers={"Content-Length": str(len(body))}
    )
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if answer.fault == "reset" and request.transport is not None:
        await asyncio.sleep(_BEFORE_RESET_S)
        end = request.transport.get_extra_info("socket")
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        request.transport.abort()
    await _for_ever()


async def _for_ever() -> None:
    """Wait until the connection is gone and the request is cancelled with it."""
    await asyncio.Event().wait()
