"""`phasejax export`: a store's cells as CSV, its agreement with theory as LaTeX."""

from pathlib import Path
from typing import Annotated

import typer

from phasejax.cli.shared import Mistake, checked_files, console, plain_errors, write_whole


def export(
    store: Annotated[str, typer.Argument(help="A store that a sweep wrote, NAME.zarr, finished or not; a folder or a URL.")],
    csv: Annotated[Path | None, typer.Option(help="Write a row for each cell, a column for each number.")] = None,
    latex_file: Annotated[Path | None, typer.Option("--latex", help="Write the table of agreement with theory.")] = None,
) -> None:
    """Write what is in a store for a spreadsheet (--csv) or a paper (--latex)."""
    from phasejax.cli.outcome import cells, latex
    from phasejax.sweep import StoreError, load, spec_of

    with plain_errors(StoreError):
        if csv is None and latex_file is None:
            raise Mistake("nothing to write: give --csv FILE, --latex FILE or both.")
        checked_files({"--csv": csv, "--latex": latex_file}, store)
        dataset = load(store)
        spec = spec_of(dataset)
        if latex_file is not None:
            with console.status(f"{spec.name}: theory at n"):
                rows = spec.kind.agreement(spec.kind.expected(dataset))
            if not rows:
                raise Mistake(f"--latex has no table of {spec.name}: no cell is computed that theory speaks of.")
            write_whole(latex_file, latex(rows, spec.name))
        if csv is not None:
            write_whole(csv, cells(dataset).to_csv(index=False))
        written = [str(path) for path in (csv, latex_file) if path is not None]
        console.print("wrote " + ", ".join(written), soft_wrap=True, markup=False)
