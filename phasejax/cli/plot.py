"""`phasejax plot`: the picture of a store again, and the table beside it."""

from pathlib import Path
from typing import Annotated

import typer

from phasejax.cli.outcome import report
from phasejax.cli.shared import checked_directory, console, plain_errors
from phasejax.sweep import StoreError, load, spec_of


def plot(
    store: Annotated[Path, typer.Argument(help="A store that a sweep wrote, NAME.zarr, finished or not.")],
    out: Annotated[Path | None, typer.Option(help="Directory for NAME.png; the store's own by default.")] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Also write NAME.pdf.")] = False,
) -> None:
    """Draw a store again, and print how well theory and samples agree."""
    with plain_errors(StoreError):
        folder = checked_directory(store.absolute().parent if out is None else out)
        dataset = load(store)
        spec = spec_of(dataset)
        folder.mkdir(parents=True, exist_ok=True)
        written = report(dataset, spec, folder / spec.name, pdf, console)
        console.print("wrote " + ", ".join(map(str, written)), soft_wrap=True, markup=False)
