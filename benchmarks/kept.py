"""A study measured cell by cell into one CSV file: what the file holds is not measured again, so the same command goes on."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from phasejax.whole import whole_file

Row = dict[str, Any]


def kept(path: Path, cells: Iterable[Row], measure: Callable[..., list[Row]]) -> pd.DataFrame:
    """All rows of the file, once it holds every cell. A cell is named by some columns; `measure(**cell)` gives its rows under
    the others, which are written as soon as they are there, to four places."""
    rows: list[Any] = []
    if path.exists():
        rows = pd.read_csv(path, keep_default_na=False, float_precision="round_trip").to_dict("records")
    for cell in cells:
        if any(cell.items() <= row.items() for row in rows):
            continue
        rows += [cell | row for row in measure(**cell)]
        with whole_file(path) as draft:
            pd.DataFrame(rows).round(4).to_csv(draft, index=False)
        print("measured", cell, flush=True)
    return pd.DataFrame(rows)
