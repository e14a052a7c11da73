"""What came of a sweep: its picture, its cells, and how far theory and measurement agree, as a terminal or LaTeX shows it."""

import numpy as np
import pandas as pd
import xarray as xr
from rich import box
from rich.console import Console
from rich.table import Table

from phasejax import plot
from phasejax.sweep import SweepSpec
from phasejax.sweep.agreement import MARGIN, Agreement
from phasejax.sweep.place import file_at


def report(dataset: xr.Dataset, spec: SweepSpec, stem: str, pdf: bool, where: Console) -> list[str]:
    """Draw the picture as STEM.png, a path or a URL, as STEM.pdf where that is wanted, and print the agreement; the files
    that were written."""
    with where.status(f"{spec.name}: theory at n"):
        dataset = spec.kind.expected(dataset)
    with where.status(f"{spec.name}: drawing"):
        figure = spec.kind.figure(dataset)
        written = [f"{stem}.{suffix}" for suffix in ("png", *(["pdf"] if pdf else []))]
        for at in written:
            with file_at(at) as path:
                plot.save(figure, path)
    if rows := spec.kind.agreement(dataset):
        where.print(_table(rows))
        if sentence := moved(rows[0]):
            where.print(sentence)
    if count := int(plot.flagged(dataset).sum()):
        failed = int(dataset.failed_trials.sum())
        where.print(
            f"{count:,} cells are flagged in `status`: {failed:,} trials failed, the rest had singular covariances or ties."
        )
    if hint := spec.hint():
        where.print(hint)
    return written


def cells(dataset: xr.Dataset) -> pd.DataFrame:
    """A row for each cell; a variable with further dimensions has a column for each of their labels, as in `overlap_ca[1]`."""
    axes = list(map(str, dataset.status.dims))
    columns = {}
    for name, variable in dataset.data_vars.items():
        further = [dim for dim in variable.dims if dim not in axes]
        for index in np.ndindex(*(variable.sizes[dim] for dim in further)):
            one = variable.isel(dict(zip(further, index, strict=True)))
            labels = ",".join(str(one[dim].item()) for dim in further)
            columns[f"{name}[{labels}]" if further else name] = one.reset_coords(drop=True)
    return xr.Dataset(columns).to_dataframe(dim_order=axes).reset_index()


def shares(row: Agreement) -> list[str]:
    """Cells, and the shares of them that agree with the limit and at n; the same away from the boundaries. – where there are
    none, or no theory of n."""
    shown = []
    for part in (np.ones(len(row.limit), bool), row.away):
        shown.append(f"{part.sum():,}")
        shown += ["–" if right is None or not part.any() else f"{right[part].mean():.3f}" for right in (row.limit, row.at_n)]
    return shown


def moved(row: Agreement) -> str:
    """What is left between the limit and the measurement, as a number, and how much of it theory at n explains."""
    wrong = ~row.limit
    if row.at_n is None or not wrong.any():
        return ""
    explained = int(row.at_n[wrong].sum())
    return f"{wrong.sum():,} cells are not in the regime of n = ∞; theory at n expects {explained:,} of them where they are."


def _table(rows: list[Agreement]) -> Table:
    title = f"share of cells measured as theory says; away: |Δ − 1| > {MARGIN:g}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("", "cells", "n = ∞", "at n", "away", "n = ∞", "at n"):
        table.add_column(head, justify="right" if head else "left")
    for row in rows:
        table.add_row(row.what, *shares(row))
    return table


def latex(rows: list[Agreement], name: str) -> str:
    """The same table for LaTeX's booktabs."""
    lines = [
        rf"% agreement of the sweep {name} with theory, from `phasejax export`",
        r"\begin{tabular}{l rrr rrr}",
        r"\toprule",
        rf" & \multicolumn{{3}}{{c}}{{all cells}} & \multicolumn{{3}}{{c}}{{$|\Delta-1| > {MARGIN:g}$}} \\",
        r"\cmidrule(lr){2-4} \cmidrule(lr){5-7}",
        r" & cells & $n=\infty$ & at $n$ & cells & $n=\infty$ & at $n$ \\",
        r"\midrule",
    ]
    for row in rows:
        lines.append(" & ".join([_escaped(row.what), *(share.replace("–", "--") for share in shares(row))]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _escaped(text: str) -> str:
    return "".join(f"\\{character}" if character in "_&%#$" else character for character in text)
