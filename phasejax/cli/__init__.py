"""The command line: one module a command, loaded when the command is called.

What a command needs it imports when it runs: its options, which are all that help asks for, cost nothing.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup

from phasejax import runtime

__all__ = ["COMMANDS", "app"]

COMMANDS = {
    "sweep": "Run a grid of trials, store it, draw its phase diagram and print how well theory and samples agree.",
    "plot": "Draw a store again, and print how well theory and samples agree.",
    "export": "Write what is in a store for a spreadsheet (--csv) or a paper (--latex).",
    "check": "Say what is in a store and whether every computed cell is as it was written. Exit 0 if so, 1 if not.",
    "figures": "Regenerate the figures, running the sweeps they need; what an earlier run left of a sweep is used.",
    "verify": "Check every claim of the theory. Exit 0 if every verdict is the one on record, 1 if not.",
    "diagnose": "Align, predict (in which direction), or neither? From two files of paired embeddings and some labels.",
    "train": "Train heads on your own embeddings: does any objective beat the better view alone?",
    "explore": (
        "Sliders, the four regimes in the population and at n, a live Monte-Carlo, your own data. Nothing leaves this machine."
    ),
    "info": "Devices, versions, precision, and where results and compiled kernels go.",
}
"""Name of each command, which is that of its module and function → the first line of its help."""


class _Commands(TyperGroup):
    """Lists the commands by name and help; imports the one that is called."""

    def list_commands(self, ctx) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx, cmd_name: str) -> TyperCommand | None:
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name]) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx, args: list[str]):
        name, command, rest = super().resolve_command(ctx, args)
        return name, _loaded(command.name, rest) if command is not None and command.name else command, rest


def _loaded(name: str, arguments: list[str]):
    """A command with its arguments; what its module's `names` says, only help asks for."""
    helping = "--help" in arguments
    if not helping:
        runtime.prepare()  # before anything touches JAX
    module = import_module(f"phasejax.cli.{name}")
    epilog = module.names() if helping and hasattr(module, "names") else None
    one = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    one.command(name, epilog=epilog)(_with_quiet(getattr(module, name)))
    return typer.main.get_command(one)


def _with_quiet(function: Callable[..., None]) -> Callable[..., None]:
    """The function of a command with the option that all commands have."""

    @wraps(function)
    def quietly(*arguments, quiet: bool, **options) -> None:
        from phasejax.cli.shared import console

        console.quiet = quiet
        function(*arguments, **options)

    option = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but mistakes.")]
    own = inspect.signature(function)
    last = inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=option)
    quietly.__dict__["__signature__"] = own.replace(parameters=[*own.parameters.values(), last])
    quietly.__annotations__ = function.__annotations__ | {"quiet": option}
    return quietly


app = typer.Typer(cls=_Commands, no_args_is_help=True, pretty_exceptions_enable=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        from phasejax import __version__

        typer.echo(f"phasejax {__version__}")
        raise typer.Exit


@app.callback()
def phasejax(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version.")
    ] = False,
) -> None:
    """Align or predict? Simulation and theory verification for multimodal representation learning."""
