"""A diagnosis on one screen, for the terminal and for `print`."""

import io
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from phasejax.diagnosis import words
from phasejax.diagnosis.result import Diagnosis

WIDTH = 60
COLORS = {"CA": "blue", "CP": "dark_orange", "PLS": "blue", "whitened": "blue", "one view": "green", "neither": "red"}


def screen(found: Diagnosis) -> Group:
    """The verdict, what was measured, what the model makes of it, what to do next, the caveats, the data."""
    parts: list[Any] = [Text(words.verdict(found), style=f"bold {COLORS[found.objective]}"), Text(found.advice)]
    if found.confidence is not None:
        parts.append(Text(words.confidence(found.confidence)))
    if found.trial is not None:
        parts += [_title(words.tried_heading(found.trial)), _table(words.TRIED, words.tried(found))]
        parts += [_item(line) for line in words.regulariser(found)]
    if found.loadings is not None:
        parts += [_title(words.loadings_heading(found.loadings)), *(_item(line) for line in words.loadings(found))]
    if words.is_modelled(found):
        parts += [_title("Explained by the model"), _table(words.MODELLED, words.modelled(found))]
        parts += [_item(line) for line in words.reasons(found)]
    parts += [_title("Next"), *(_item(line) for line in words.next_steps(found))]
    if found.warnings:
        parts += [_title("Caveats", "bold yellow"), *(_item(line) for line in found.warnings)]
    closing = (words.data(found), words.OTHER_WORDS, *(words.MODEL_TERMS if words.is_modelled(found) else ()))
    return Group(*parts, Text(), *(Text(line, style="dim") for line in closing))


def screen_text(found: Diagnosis) -> str:
    """The screen as plain text."""
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    with console.capture() as captured:
        console.print(screen(found))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _title(text: str, style: str = "bold") -> Text:
    return Text(f"\n{text}", style=style)


def _table(headings: tuple[str, ...], lines: list[tuple[str, ...]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, 1), show_edge=False)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="left" if index == 0 else "right", no_wrap=True)
    for line in lines:
        table.add_row(*map(Text, line))
    return table


def _item(sentence: str) -> Table:
    """A sentence behind a bullet, its further lines indented."""
    grid = Table.grid(padding=(0, 1))
    grid.add_row("·", Text(sentence))
    return grid
