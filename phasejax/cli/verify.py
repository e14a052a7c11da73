"""`phasejax verify`: claim by claim, what holds, under which condition, and what does not."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from phasejax.cli.shared import checked_files, console, plain_errors, write_whole

if TYPE_CHECKING:
    from phasejax.verify import Result


def verify(
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the results to a JSON file.")] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Check this claim only; may be repeated. Any other word lists them all.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random models and draws.")] = 0,
) -> None:
    """Check every claim of the theory. Exit 0 if every verdict is the one on record, 1 if not."""
    from phasejax.verify import Verdict, list_claims
    from phasejax.verify import verify as run_claims

    with plain_errors(ValueError):
        checked_files({"--json": json_file})
        began = time.monotonic()
        results, total = [], len(list_claims(only or ()))
        with console.status("") as status:
            for result in run_claims(only or (), seed=seed):
                results.append(result)
                status.update(f"{len(results)} of {total} claims checked, the last one {result.claim.id}")
                if not console.is_terminal:
                    console.print(f"{len(results)}/{total} {result.claim.id}: {result.finding.verdict}", markup=False)
        console.print(_table(results))
        off = [result for result in results if not result.as_recorded]
        for result in off:
            found, recorded = result.finding.verdict, result.claim.recorded
            console.print(f"{result.claim.id}: {found}, but {recorded} is on record.", style="bold red")
        counts = ", ".join(f"{sum(r.finding.verdict is v for r in results)} {v}" for v in Verdict)
        console.print(f"{len(results)} claims in {time.monotonic() - began:.0f} s: {counts}.")
        if json_file is not None:
            report = {"seed": seed, "claims": [result.to_dict() for result in results]}
            write_whole(json_file, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
        if off:
            raise typer.Exit(1)


def _table(results: "list[Result]") -> Table:
    """What is claimed, and under which condition, beside what was found."""
    from phasejax.verify import Verdict

    colors = {
        Verdict.HOLDS: "green",
        Verdict.CONDITIONAL: "yellow",
        Verdict.REFUTED: "magenta",
        Verdict.OPEN: "blue",
        Verdict.UNDECIDED: "red",
    }
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("claim", ratio=3, overflow="fold")
    table.add_column("found", ratio=2, overflow="fold")
    for result in results:
        claim, finding = result.claim, result.finding
        claimed = f"[bold]{claim.id}[/] · {escape(claim.source)}\n{escape(claim.statement)}\n[dim]{escape(claim.condition)}[/]"
        verdict = f"[bold {colors[finding.verdict]}]{finding.verdict}[/]"
        table.add_row(claimed, f"{verdict}\n{escape(finding.figure)}\n{finding.cases:,} cases\n")
    return table
