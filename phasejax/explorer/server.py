"""The page on this machine: compiled kernel, theory and diagnosis behind it, for this machine's browser alone."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jax
import numpy as np
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from phasejax.diagnosis import Diagnosis, diagnose
from phasejax.diagnosis.files import read_column, read_view
from phasejax.explorer.document import page
from phasejax.explorer.expectation import at_point, edges, rows
from phasejax.explorer.kernel import TRIALS, Point, View, bands, distances, program
from phasejax.explorer.turns import Desk, Superseded, Ticket
from phasejax.recovery import LEVEL

HOSTS = ["127.0.0.1", "localhost"]


def application() -> Starlette:
    """The page at `/`, its Monte-Carlo and its boundaries at n at `/picture`, what is expected at its point at `/point`, the
    diagnosis of dropped files at `/diagnose`.

    Requests that name another host, or that another site's page sends, are refused.
    """
    desk = Desk()

    async def picture(request: Request) -> Response:
        view, ticket = View.model_validate(request.query_params), Ticket.model_validate(request.query_params)
        desk.admit(ticket)
        return StreamingResponse(_lines(view, ticket, desk), media_type="application/x-ndjson")

    async def point(request: Request) -> Response:
        asked, ticket = Point.model_validate(request.query_params), Ticket.model_validate(request.query_params)
        desk.admit(ticket)
        found = await desk.serve(ticket, ("point", asked.cell), at_point, asked)
        return Response(_line(found), media_type="application/json")

    return Starlette(
        routes=[
            Route("/", lambda request: HTMLResponse(page())),
            Route("/picture", picture),
            Route("/point", point),
            Route("/diagnose", _diagnose, methods=["POST"]),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS), Middleware(_OwnPagesOnly)],
        exception_handlers={ValidationError: _mistake, Superseded: _superseded},
    )


class _OwnPagesOnly:
    """Refuses what a page of another site asks for: a browser says in `Origin` who asks."""

    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
            origin = headers.get("origin")
            if origin is not None and origin != f"http://{headers.get('host')}":
                return await PlainTextResponse("only this machine's own page is answered.", 403)(scope, receive, send)
        return await self._app(scope, receive, send)


async def _lines(view: View, ticket: Ticket, desk: Desk) -> AsyncIterator[str]:
    """Lines of JSON, until a newer request comes: bands of cells with their regimes, then rows with the boundaries at n."""
    began = time.monotonic()
    with suppress(Superseded):
        for cells in bands(view):
            distance = await desk.serve(ticket, program(view), distances, view, cells)
            codes = (distance < LEVEL) @ np.array([1, 2])
            seconds = time.monotonic() - began
            yield _line({"cells": cells.tolist(), "codes": codes.tolist(), "trials": TRIALS, "seconds": seconds})
        for numbers in rows(view):
            edge = await desk.serve(ticket, ("edges", view.cell), edges, view, numbers)
            yield _line({"rows": numbers.tolist(), "ca": edge.ca.tolist(), "cp": edge.cp.tolist()})


async def _diagnose(request: Request) -> Response:
    """The files `x`, `y` and `labels` of a form, through the same reader and the same diagnosis as the command line's."""
    async with request.form() as form:
        with TemporaryDirectory() as folder:
            paths = []
            for name in ("x", "y", "labels"):
                upload = form.get(name)
                if upload is None or isinstance(upload, str) or not upload.filename:
                    return PlainTextResponse(f"the file of {name} is missing.", status_code=400)
                ending = "".join(Path(upload.filename).suffixes[-2:])  # says how to read it; the rest of the name is not needed
                paths.append(Path(folder) / f"{name}{ending}")
                paths[-1].write_bytes(await upload.read())
            try:
                found = await run_in_threadpool(_diagnosis, *map(str, paths))
            except ValueError as error:
                return PlainTextResponse(str(error).replace(f"{folder}/", ""), status_code=400)
    cloud = np.asarray(found.cloud)[:, :2].tolist()
    return Response(json.dumps({"summary": str(found), "cloud": cloud}), media_type="application/json")


def _diagnosis(x: str, y: str, labels: str) -> Diagnosis:
    return diagnose(read_view(x), read_view(y), read_column(labels), key=jax.random.key(0))


def _line(found: dict[str, Any]) -> str:
    return json.dumps(found) + "\n"


def _mistake(request: Request, error: Exception) -> Response:
    """The first mistake: which parameter, and what is allowed."""
    assert isinstance(error, ValidationError)
    first = error.errors()[0]
    where, what = ".".join(map(str, first["loc"])) or "view", first["msg"].removeprefix("Value error, ")
    return PlainTextResponse(f"{where}: {what}.", status_code=400)


def _superseded(request: Request, error: Exception) -> Response:
    return PlainTextResponse("a newer one was asked for.", status_code=409)
