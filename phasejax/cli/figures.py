"""`phasejax figures`: every figure from nothing."""

from pathlib import Path
from typing import Annotated

import typer

from phasejax.cli.shared import checked_directory, console, plain_errors
from phasejax.figures import NAMES


def names() -> str:
    """What may be drawn."""
    return "Figures: " + ", ".join(NAMES) + "."


def figures(
    wanted: Annotated[
        list[str] | None,
        typer.Argument(help="Figures to draw, all by default.", metavar="[NAME…]", autocompletion=lambda: list(NAMES)),
    ] = None,
    out: Annotated[Path, typer.Option(help="Directory for the figures and the sweeps they read.")] = Path("out/figures"),
) -> None:
    """Regenerate the figures, running the sweeps they need; what an earlier run left of a sweep is used."""
    from phasejax.figures import regenerate
    from phasejax.sweep import StoreError

    with plain_errors(ValueError, StoreError, interrupted="finished figures and sweeps are kept"):
        checked_directory(out)
        with console.status("") as status:
            for paths in regenerate(wanted or (), out, on_progress=status.update):
                console.print(" ".join(str(path) for path in paths), soft_wrap=True, markup=False)
