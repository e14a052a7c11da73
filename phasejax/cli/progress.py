"""What a sweep would cost, and how far it has come, as a terminal, a log or another program wants to hear it."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TextIO

import jax
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from phasejax.cli.shared import console
from phasejax.sweep import SweepProgress, SweepSpec
from phasejax.sweep.grid import Grid
from phasejax.sweep.running import Cost


def print_cost(cost: Cost) -> None:
    """What `--dry-run` says."""
    console.print(f"cells      {cost.cells:,}")
    console.print(f"trials     {cost.trials:,}")
    console.print(f"store      {cost.bytes / 2**20:,.1f} MiB before compression")
    console.print(f"memory     {cost.memory / 2**20:,.0f} MiB held by this process, an accelerator's apart")
    console.print(f"compile    {cost.compile_s:.1f} s")
    console.print(f"run        {cost.run_s:,.1f} s at {cost.trials_per_s:,.0f} trials/s, one call timed on this machine")


@contextmanager
def json_lines() -> Iterator[TextIO]:
    """Standard output for JSON lines alone: what libraries print there beneath Python goes to standard error meanwhile."""
    with os.fdopen(os.dup(1), "w", buffering=1) as lines:
        os.dup2(2, 1)
        try:
            yield lines
        finally:
            os.dup2(lines.fileno(), 1)


@contextmanager
def shown_progress(spec: SweepSpec, lines: TextIO | None) -> Iterator[Callable[[SweepProgress], None]]:
    """Progress as JSON lines, as a live bar on a terminal, or as a plain line every tenth elsewhere."""
    if jax.process_index() > 0:
        yield lambda progress: None
    elif lines is not None:
        yield lambda progress: print(json.dumps(asdict(progress)), file=lines)
    elif console.is_terminal:
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("cells, {task.fields[rate]}")
        with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
            task = bar.add_task(spec.name, total=Grid(spec).size, rate="compiling")
            yield lambda p: bar.update(task, completed=p.cells_done, total=p.cells, rate=_rate(p))
    else:
        console.print(f"{spec.name}: compiling")
        yield _PlainLines(spec.name)


class _PlainLines:
    """One line for each tenth of the work."""

    def __init__(self, name: str):
        self._name, self._shown = name, 0

    def __call__(self, progress: SweepProgress) -> None:
        tenth = 10 * progress.cells_done // progress.cells
        if tenth > self._shown:
            self._shown = tenth
            done = f"{progress.cells_done}/{progress.cells} cells"
            console.print(f"{self._name}: {done}, {_rate(progress)}, {progress.left_s:.0f} s left")


def _rate(progress: SweepProgress) -> str:
    return f"{progress.trials_per_s:,.0f} trials/s"
