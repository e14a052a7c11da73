"""`phasejax train`: heads on two files of frozen features, every objective beside either view alone and a ceiling."""

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from phasejax.cli.shared import checked_directory, checked_files, console, plain_errors, write_whole


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
    page: Annotated[Path | None, typer.Option("--report", help="Also write a page with the figure to an HTML file.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of folds, heads and batches.")] = 0,
) -> None:
    """Train heads on your own embeddings: does any objective beat the better view alone?"""
    from phasejax.diagnosis.files import read_column, read_view
    from phasejax.heads import report, train_heads
    from phasejax.keys import root_key
    from phasejax.training import CheckpointError

    kept = "nothing was written" if checkpoints is None else "what is done is kept, the same command continues"
    with plain_errors(ValueError, CheckpointError, interrupted=kept):
        checked_files({"--json": json_file, "--report": page}, x, y, labels, groups)
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
        if page is not None:
            sources = {"x": x, "y": y, "labels": labels} | ({} if groups is None else {"groups": groups}) | {"seed": str(seed)}
            sizes = {
                "width": width,
                "hidden": hidden,
                "steps": steps,
                "batch": batch,
                "learning-rate": learning_rate,
                "seed": seed,
            }
            options = {"--labels": labels} | ({} if groups is None else {"--groups": groups})
            options |= {f"--{name}": str(value) for name, value in sizes.items()}
            named = [x, y, *(word for option in options.items() for word in option), "--objectives", *objectives, *(more or ())]
            write_whole(page, report.report_page(found, sources, shlex.join(["phasejax", "train", *named])))
        table = Table(title=report.heading(found), title_justify="left")
        for name in report.HEADINGS:
            table.add_column(name, justify="left" if name in ("", "reads") else "right")
        for row in report.rows(found):
            table.add_row(*row)
        console.print(table, report.verdict(found), *report.caveats(found), sep="\n")
