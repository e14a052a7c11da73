"""`phasejax plot`: the picture of a store again, and the table beside it."""

from pathlib import Path
from typing import Annotated

import typer

from phasejax.cli.shared import checked_directory, console, plain_errors


def plot(
    store: Annotated[str, typer.Argument(help="A store that a sweep wrote, NAME.zarr, finished or not; a folder or a URL.")],
    out: Annotated[Path | None, typer.Option(help="Directory for NAME.png; the store's own by default.")] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Also write NAME.pdf.")] = False,
) -> None:
    """Draw a store again, and print how well theory and samples agree."""
    from phasejax.cli.outcome import report
    from phasejax.sweep import StoreError, load, spec_of
    from phasejax.sweep.place import is_url

    with plain_errors(StoreError):
        folder = store.rstrip("/").rpartition("/")[0]
        if out is not None or not is_url(store):
            folder = checked_directory(Path(store).absolute().parent if out is None else out)
        dataset = load(store)
        spec = spec_of(dataset)
        if isinstance(folder, Path):
            folder.mkdir(parents=True, exist_ok=True)
        written = report(dataset, spec, f"{folder}/{spec.name}", pdf, console)
        console.print("wrote " + ", ".join(written), soft_wrap=True, markup=False)
