"""`phasejax sweep`: a grid of trials, its store, its figure, its agreement table."""

import logging
import os
import re
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from phasejax.cli.shared import checked_directory, console, plain_errors


def sweep(
    spec: Annotated[Path, typer.Argument(help="A TOML file, or the name of a published sweep.", metavar="SPEC")],
    out: Annotated[
        str, typer.Option(help="Directory for NAME.zarr and NAME.png, or s3://, gs:// or az:// BUCKET/PREFIX.")
    ] = "out",
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted sweep; begin it if there is none.")] = False,
    precision: Annotated[int, typer.Option(help="Bits of the draws and the linear algebra, 32 or 64.")] = 32,
    pdf: Annotated[bool, typer.Option("--pdf", help="Also write NAME.pdf.")] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="Progress as JSON lines on stdout.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what the sweep would cost here; write nothing.")] = False,
    hosts: Annotated[bool, typer.Option("--hosts", help="Share the sweep with the cluster's other processes.")] = False,
    coordinator: Annotated[str | None, typer.Option(help="HOST:PORT of process 0, where no cluster is detected.")] = None,
    processes: Annotated[int | None, typer.Option(help="Number of processes, with --coordinator.")] = None,
    process_id: Annotated[int | None, typer.Option(help="This process's number from 0, with --coordinator.")] = None,
    dask: Annotated[str | None, typer.Option(help="Address of a Dask scheduler whose workers compute the tiles.")] = None,
    wait: Annotated[float, typer.Option(min=1, help="Seconds to wait for the other processes, or for Dask.")] = 60,
) -> None:
    """Run a grid of trials, store it, draw its phase diagram and print how well theory and samples agree."""
    import jax

    from phasejax.cli.outcome import report
    from phasejax.cli.progress import json_lines, print_cost, shown_progress
    from phasejax.sweep import SpecError, StoreError, estimate, load_spec, run
    from phasejax.sweep.place import is_url

    with plain_errors(SpecError, StoreError, interrupted="what is done is kept, --resume continues"):
        what = load_spec(spec)
        if precision not in (32, 64):
            raise SpecError(f"--precision {precision} is not allowed: 32 or 64.")
        if not is_url(out):
            checked_directory(Path(out))
        if dry_run:
            return print_cost(estimate(what, precision=precision))
        with json_lines() if log_json else nullcontext() as lines:
            if hosts or (coordinator, processes, process_id) != (None, None, None):
                _join(coordinator, processes, process_id, wait)
            with shown_progress(what, lines) as on_progress:
                store = f"{out}/{what.name}.zarr"
                heard = {"on_progress": on_progress, "on_notice": lambda line: typer.echo(f"phasejax: {line}", err=True)}
                if dask is not None:
                    logging.disable(logging.ERROR)  # Dask's own tracebacks of what is said here in a sentence
                crew = {"cluster": dask, "wait_s": wait}
                dataset = run(what, path=store, resume=resume, precision=precision, **crew, **heard)
        if jax.process_index() == 0:
            where = Console(stderr=True, highlight=False) if log_json else console
            written = [store, *report(dataset, what, f"{out}/{what.name}", pdf, where)]
            where.print("wrote " + ", ".join(written), soft_wrap=True, markup=False)


def _join(coordinator: str | None, processes: int | None, process_id: int | None, wait: float) -> None:
    from phasejax.sweep import SpecError, together
    from phasejax.sweep.place import reason

    explicit = (coordinator, processes, process_id)
    if None in explicit and any(given is not None for given in explicit):
        raise SpecError("--coordinator, --processes and --process-id go together: give all three.")
    if coordinator is not None and not re.fullmatch(r"(\S+):(\d{1,5})", coordinator):
        raise SpecError(f"--coordinator {coordinator} is not allowed: HOST:PORT of process 0 is needed.")
    if processes is not None and process_id is not None and not 0 <= process_id < processes:
        raise SpecError(f"--process-id {process_id} is not allowed: it lies in 0..{processes - 1}, below --processes.")

    def give_up() -> None:
        whom = "the other processes of the cluster" if coordinator is None else f"all {processes} processes at {coordinator}"
        typer.echo(
            f"phasejax: {whom} did not meet within {wait:g} s: is each of them running, and the address right?", err=True
        )
        os._exit(2)  # nothing is begun, and the main thread waits where no exception reaches it

    try:
        together.join(*explicit, wait, give_up)
    except (RuntimeError, ValueError) as error:
        raise SpecError(f"the other processes cannot be joined: {reason(error)}.") from error
