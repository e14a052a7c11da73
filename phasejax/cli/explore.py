"""`phasejax explore`: the interactive page on this machine."""

import socket
import webbrowser
from typing import Annotated

import typer

from phasejax.cli.shared import Mistake, console, plain_errors


def explore(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Sliders, the four regimes in the population and at n, a live Monte-Carlo, your own data. Nothing leaves this machine."""
    with plain_errors(interrupted="the page is closed"):
        try:
            import uvicorn

            from phasejax.explorer.server import application
        except ModuleNotFoundError as error:
            raise Mistake(f"{error.name} is missing: pip install 'phasejax[explore]'.") from error
        with socket.socket() as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listening.bind(("127.0.0.1", port))
            except OSError as error:
                raise Mistake(f"--port {port} cannot be used: {error.strerror}.") from error
            address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
            console.print(f"{address}  (Ctrl-C closes it)")
            if browser:
                webbrowser.open(address)
            config = uvicorn.Config(application(), log_level="warning")
            uvicorn.Server(config).run(sockets=[listening])
