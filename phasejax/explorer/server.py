"""The page on this machine: compiled kernel and diagnosis behind it, for this machine's browser alone."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import numpy as np
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from phasejax.diagnosis import Diagnosis, diagnose
from phasejax.diagnosis.files import read_column, read_view
from phasejax.explorer.document import page
from phasejax.explorer.kernel import TRIALS, View, bands
from phasejax.recovery import LEVEL

HOSTS = ["127.0.0.1", "localhost"]


def application() -> Starlette:
    """The page at `/`, its Monte-Carlo at `/simulate`, the diagnosis of dropped files at `/diagnose`.

    Requests that name another host, or that another site's page sends, are refused.
    """
    newest: dict[str, int] = {}

    async def simulate(request: Request) -> Response:
        query = dict(request.query_params)
        session, ticket = query.pop("session", ""), query.pop("ticket", "")
        try:
            view, number = View.model_validate(query), int(ticket)
        except (ValidationError, ValueError) as error:
            return PlainTextResponse(_sentence(error), status_code=400)
        if number < newest.get(session, 0):
            return PlainTextResponse("a newer picture was asked for.", status_code=409)
        newest[session] = number
        return StreamingResponse(_lines(view, lambda: newest[session] == number), media_type="application/x-ndjson")

    return Starlette(
        routes=[
            Route("/", lambda request: HTMLResponse(page())),
            Route("/simulate", simulate),
            Route("/diagnose", _diagnose, methods=["POST"]),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS), Middleware(_OwnPagesOnly)],
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


async def _lines(view: View, wanted) -> AsyncIterator[str]:
    """One line of JSON a band, as long as no newer request has come."""
    began = time.monotonic()
    async for cells, distance in iterate_in_threadpool(bands(view)):
        codes = (distance < LEVEL) @ np.array([1, 2])
        seconds = time.monotonic() - began
        yield json.dumps({"cells": cells.tolist(), "codes": codes.tolist(), "trials": TRIALS, "seconds": seconds}) + "\n"
        if not wanted():
            return


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


def _sentence(error: ValidationError | ValueError) -> str:
    """The first mistake: which parameter, and what is allowed."""
    if not isinstance(error, ValidationError):
        return "ticket is not a number."
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'view'}: {first['msg'].removeprefix('Value error, ')}."
