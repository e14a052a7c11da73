"""`phasejax train`: heads on two files of frozen features, every objective beside either view alone and a ceiling."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from phasejax.cli.shared import checked_directory, checked_files, console, plain_errors, write_whole
from phasejax.diagnosis.files import read_column, read_view
from phasejax.heads import Heads, train_heads
from phasejax.keys import root_key
from phasejax.training import CheckpointError


def train(
    x: Annotated[str, typer.Argument(help="View x: FILE.npy, FILE.npz:NAME, FILE.csv:COLUMN,x*, …, as in diagnose.")],
    y: Annotated[str, typer.Argument(help="View y, its rows paired with those of x.")],
    # Only the first word after an option is the option's: the others arrive as arguments.
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    *,
    labels: Annotated[str, typer.Option(help="What a probe is to tell, a row for each pair; NaN or empty: no label.")],
    objectives: Annotated[list[str], typer.Option(help="Names, as in: --objectives infonce vicreg prediction.")],
    groups: Annotated[str | None, typer.Option(help="Subject, session or object of each pair, never split.")] = None,
    width: Annotated[int, typer.Option(help="Numbers of an embedding.")] = 16,
    hidden: Annotated[int, typer.Option(help="Units of a head's hidden layer.")] = 128,
    steps: Annotated[int, typer.Option(help="Steps of each training, a multiple of 20.")] = 1000,
    batch: Annotated[int, typer.Option(help="Pairs of each step.")] = 256,
    learning_rate: Annotated[float, typer.Option(help="At the first step; it falls along a cosine.")] = 1e-3,
    checkpoints: Annotated[Path | None, typer.Option(help="Folder where trainings keep their state and are continued.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the table to a JSON file.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of folds, heads and batches.")] = 0,
) -> None:
    """Train heads on your own embeddings: does any objective beat the better view alone?"""
    kept = "nothing was written" if checkpoints is None else "what is done is kept, the same command continues"
    with plain_errors(ValueError, CheckpointError, interrupted=kept):
        checked_files({"--json": json_file}, x, y, labels, groups)
        views, labelling = (read_view(x), read_view(y)), read_column(labels)
        grouping = None if groups is None else read_column(groups)
        if checkpoints is not None:
            checked_directory(checkpoints).mkdir(parents=True, exist_ok=True)
        with console.status("training") as status:
            found = train_heads(
                *views,
                labelling,
                objectives=(*objectives, *(more or ())),
                key=root_key(seed),
                groups=grouping,
                width=width,
                hidden=hidden,
                steps=steps,
                batch=batch,
                learning_rate=learning_rate,
                checkpoints=checkpoints,
                on_progress=lambda name, progress: status.update(f"{name}: {progress.step} of {progress.steps} steps"),
            )
        if json_file is not None:
            write_whole(json_file, json.dumps(found.to_dict(), indent=1, ensure_ascii=False) + "\n")
        console.print(_table(found))
        for name in found.diverged:
            console.print(f"{name}: a training diverged; its last good state is scored.")


def _table(found: Heads) -> Table:
    title = f"{found.measure} of the labels in groups held out, ± 2 standard errors; chance {found.chance:.2f}"
    table = Table(title=title, title_justify="left")
    for head in ("", "reads"):
        table.add_column(head)
    for head in ("score", "less the better view alone"):
        table.add_column(head, justify="right")
    columns = zip(found.heads, found.score, found.error, found.difference, found.difference_error, strict=True)
    for head, score, error, difference, difference_error in columns:
        against = f"{difference:+.3f} ± {2 * difference_error:.3f}" if difference_error > 0 else ""
        table.add_row(head.objective, head.reads, f"{score:.3f} ± {2 * error:.3f}", against)
    return table
