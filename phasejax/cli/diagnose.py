"""`phasejax diagnose`: where a pair of embedding files stands, on one screen."""

import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from phasejax.cli.shared import checked_files, console, plain_errors, write_whole


def diagnose(
    x: Annotated[
        str, typer.Argument(help="View x: FILE.npy, FILE.npz:NAME, FILE.csv:COLUMN,x*, FILE.parquet, FILE.h5ad:obsm/NAME, …")
    ],
    y: Annotated[str, typer.Argument(help="View y, its rows paired with those of x.")],
    labels: Annotated[str, typer.Option(help="What the signal should tell, a row for each pair; NaN or empty: no label.")],
    groups: Annotated[str | None, typer.Option(help="Subject, session or object of each pair, never split.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the diagnosis to a JSON file.")] = None,
    report: Annotated[Path | None, typer.Option(help="Also write a page with the figures to an HTML file.")] = None,
    save: Annotated[Path | None, typer.Option(help="Also write the advised encoder to a .npz file.")] = None,
    k: Annotated[int | None, typer.Option(help="Number of shared signal directions, where it is known.")] = None,
    method: Annotated[str, typer.Option(help="default, or elbow for the published procedure.")] = "default",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulations; the same seed gives the same answer.")] = 0,
) -> None:
    """Align, predict (in which direction), or neither? From two files of paired embeddings and some labels."""
    from phasejax.diagnosis import diagnose as run_diagnosis
    from phasejax.diagnosis.files import read_column, read_named_view
    from phasejax.diagnosis.report import report_page
    from phasejax.diagnosis.screen import WIDTH, screen
    from phasejax.keys import root_key

    with plain_errors(ValueError):
        checked_files({"--json": json_file, "--report": report, "--save": save}, x, y, labels, groups)
        with console.status("reading"):
            used: list[str] = []
            views = read_named_view(x, say=used.append), read_named_view(y, say=used.append)
            labelling = read_column(labels, say=used.append)
            grouping = None if groups is None else read_column(groups, say=used.append)
        with console.status("diagnosing"):
            choices: dict[str, Any] = {"groups": grouping, "k": k, "method": method}
            found = run_diagnosis(*views, labelling, key=root_key(seed), **choices)
        sources = {"x": x, "y": y, "labels": labels} | ({} if groups is None else {"groups": groups})
        named = [x, y, "--labels", labels, *([] if groups is None else ["--groups", groups])]
        named += [] if k is None else ["--k", str(k)]
        command = shlex.join(["phasejax", "diagnose", *named, "--method", method, "--seed", str(seed)])
        encoder = None if save is None or found.advised is None else found.fit(*views)
        page = None if report is None else report_page(found, sources | {"seed": str(seed)}, command)
        if json_file is not None:
            write_whole(json_file, json.dumps(found.to_dict(), indent=1, ensure_ascii=False) + "\n")
        if report is not None and page is not None:
            write_whole(report, page)
        if save is not None and encoder is not None:
            encoder.save(save)
            used.append(f"{save}: the encoder; (x - mean_x) / scale_x @ encoder_x.")
        elif save is not None:
            used.append(f"{save}: not written, as nothing is advised.")
        read = (Text(line, style="dim") for line in (*used, f"Again: {command}"))
        console.print(screen(found), *read, sep="\n", width=min(WIDTH, console.width))
