"""A diagnosis on one screen, for the terminal and for `print`."""

import io
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from phasejax.diagnosis import words
from phasejax.diagnosis.result import Diagnosis

WIDTH = 80
COLORS = {"CA": "blue", "CP": "dark_orange", "neither": "red"}


def screen(found: Diagnosis) -> Group:
    """The verdict, the three objectives, the reasons, the caveats, the data."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for index, heading in enumerate(words.HEADINGS):
        table.add_column(heading, justify="left" if index == 0 else "right", no_wrap=True)
    for line in words.rows(found):
        table.add_row(*line)
    parts: list[Any] = [
        Text(words.verdict(found), style=f"bold {COLORS[found.objective]}"),
        Text(found.advice),
        table,
        *(_item(line) for line in words.reasons(found)),
    ]
    if found.warnings:
        parts += [Text("\nCaveats", style="bold yellow"), *(_item(line) for line in found.warnings)]
    closing = (words.data(found), *words.EXPLANATION)
    return Group(*parts, Text(), *(Text(line, style="dim") for line in closing))


def screen_text(found: Diagnosis) -> str:
    """The screen as plain text."""
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    with console.capture() as captured:
        console.print(screen(found))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _item(sentence: str) -> Table:
    """A sentence behind a bullet, its further lines indented."""
    grid = Table.grid(padding=(0, 1))
    grid.add_row("·", escape(sentence))
    return grid
