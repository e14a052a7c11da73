"""The command line: one module a command."""

from phasejax import runtime

runtime.prepare()  # before anything touches JAX

from typing import Annotated  # noqa: E402

import typer  # noqa: E402

from phasejax import __version__  # noqa: E402
from phasejax.cli.diagnose import diagnose  # noqa: E402
from phasejax.cli.explore import explore  # noqa: E402
from phasejax.cli.figures import figures  # noqa: E402
from phasejax.cli.info import info  # noqa: E402
from phasejax.cli.sweep import sweep  # noqa: E402
from phasejax.cli.verify import verify  # noqa: E402

__all__ = ["app", "main"]

COMMANDS = (sweep, figures, verify, diagnose, explore, info)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"phasejax {__version__}")
        raise typer.Exit


@app.callback()
def phasejax(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version.")
    ] = False,
) -> None:
    """Align or predict? Simulation and theory verification for multimodal representation learning."""


for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Entry point."""
    app()
