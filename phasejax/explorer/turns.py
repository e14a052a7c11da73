"""Who is served when: one computation at a time, and only for a session's newest request."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Any

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool


class Ticket(BaseModel):
    """A page's number of its request: the larger, the newer."""

    session: str
    ticket: int


class Superseded(Exception):
    """A newer request of the same session has come."""


class Desk:
    """Takes requests in turn. What was computed before is compiled, and does not wait for what compiles."""

    def __init__(self):
        self._newest: dict[str, int] = {}
        self._compiled: set[Hashable] = set()
        self._computing, self._compiling = asyncio.Lock(), asyncio.Lock()

    def admit(self, request: Ticket) -> None:
        """Take note of a request; those before it are not served any more. **Raises:** `Superseded` if it is not the newest."""
        self._newest[request.session] = max(request.ticket, self._newest.get(request.session, 0))
        self._insist(request)

    async def serve[R](self, request: Ticket, program: Hashable, function: Callable[..., R], *arguments: Any) -> R:
        """What the function gives, when its turn has come; equal programs are compiled once.

        **Raises:** `Superseded` if a newer request came before.
        """
        async with self._computing if program in self._compiled else self._compiling:
            self._insist(request)
            found = await run_in_threadpool(function, *arguments)
            self._compiled.add(program)
            return found

    def _insist(self, request: Ticket) -> None:
        if request.ticket < self._newest[request.session]:
            raise Superseded
