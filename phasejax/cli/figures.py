"""`phasejax figures`: every figure from nothing."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from phasejax.cli.shared import Mistake, checked_directory, console, plain_errors
from phasejax.sweep import StoreError


def figures(
    names: Annotated[list[str] | None, typer.Argument(help="Figures to draw, all by default.", metavar="[NAME…]")] = None,
    out: Annotated[Path, typer.Option(help="Directory for the figures and the sweeps they read.")] = Path("out/figures"),
) -> None:
    """Regenerate the figures, running the sweeps they need; what an earlier run left of a sweep is used."""
    with plain_errors(ValueError, StoreError, interrupted="finished figures and sweeps are kept"):
        checked_directory(out)
        for paths in _package().regenerate(names or (), out):
            console.print(" ".join(str(path) for path in paths), soft_wrap=True)


def _package():
    """The `figures` package, which lives beside `phasejax` in a checkout and is not part of an installed wheel."""
    try:
        return import_module("figures")
    except ModuleNotFoundError as error:
        if error.name != "figures":
            raise
        raise Mistake("the figures are part of a checkout: clone the repository, pip install -e . and run it there.") from error
