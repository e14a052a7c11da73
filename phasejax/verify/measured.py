"""Tables of studies that are too long for a check: measured by a sweep, kept beside the claims, written again by two commands:

    phasejax sweep stereo_sprites --out out
    python -m phasejax.verify.measured out/stereo_sprites.zarr

The first line of a table is the specification of its sweep and where that ran; then one row for each representation read.
"""

import json
import sys
from pathlib import Path

import pandas as pd
import xarray as xr

from phasejax.sweep import load

TABLES = Path(__file__).parent / "tables"
RAN = ("device", "versions", "precision", "created")
VARIABLES = ("nu", "accuracy", "accuracy_se", "r2", "r2_se", "failed_trials")


def write(store: Path, folder: Path = TABLES) -> Path:
    """The table of a finished sweep over a world."""
    dataset = load(store)
    head = {"spec": json.loads(dataset.attrs["spec"]), "ran": {name: dataset.attrs[name] for name in RAN}}
    rows = dataset[list(VARIABLES)].to_dataframe().dropna(subset=["accuracy"]).round(4)
    path = folder / f"{head['spec']['name']}.csv"
    path.write_text(f"# {json.dumps(head, ensure_ascii=False)}\n{rows.to_csv()}")
    return path


def read(path: Path) -> tuple[dict, xr.Dataset]:
    """The specification of the sweep, and its variables: ν over the axes, the others over what is read as well. Attributes
    say where it ran."""
    head, rows = parted(path)
    spec = head["spec"]
    dataset = rows.set_index([name for name in rows.columns if name not in VARIABLES]).to_xarray()
    dataset["nu"] = dataset.nu.max([str(name) for name in dataset.nu.dims if name not in spec["axes"]])
    return spec, dataset.assign_attrs(head["ran"])


def parted(path: Path) -> tuple[dict, pd.DataFrame]:
    """The first line of a table, which says how it was measured, and its rows."""
    with path.open() as file:
        return json.loads(file.readline().removeprefix("# ")), pd.read_csv(file)


if __name__ == "__main__":
    for given in sys.argv[1:]:
        print(write(Path(given)))
