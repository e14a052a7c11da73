"""`phasejax check`: what is in a sweep's store, and whether it is whole."""

from typing import Annotated

import typer

from phasejax.cli.shared import console, plain_errors


def check(store: Annotated[str, typer.Argument(help="A store that a sweep wrote, NAME.zarr: a folder or a URL.")]) -> None:
    """Say what is in a store and whether every computed cell is as it was written. Exit 0 if so, 1 if not."""
    from phasejax.sweep import StoreError
    from phasejax.sweep.grid import Grid
    from phasejax.sweep.place import reached
    from phasejax.sweep.store import Store

    with plain_errors(StoreError), reached(store):
        opened = Store(store)
        axes = ", ".join(f"{name} ({len(points)})" for name, points in Grid(opened.spec).axes.items())
        console.print(f"{opened.spec.name}: {Grid(opened.spec).size} cells of {axes}", markup=False)
        damaged = [] if opened.broken else opened.damaged()
        if opened.broken or damaged:
            what = f"{', '.join(opened.broken)}: missing or not as made" if opened.broken else f"{len(damaged)} tiles"
            console.print(f"damaged: {what}; its sweep, with --resume, computes again what is lost", markup=False)
            raise typer.Exit(1)
        console.print(f"whole: {opened.cells_done()} cells computed, each as it was written")
