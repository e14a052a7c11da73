"""The command line: one module a command."""

from phasejax import runtime

runtime.prepare()  # before anything touches JAX

import typer  # noqa: E402

from phasejax.cli.diagnose import diagnose  # noqa: E402
from phasejax.cli.explore import explore  # noqa: E402
from phasejax.cli.figures import figures  # noqa: E402
from phasejax.cli.info import info  # noqa: E402
from phasejax.cli.sweep import sweep  # noqa: E402
from phasejax.cli.verify import verify  # noqa: E402

COMMANDS = (sweep, figures, verify, diagnose, explore, info)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def phasejax() -> None:
    """Align or predict? Simulation and theory verification for multimodal representation learning."""


for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Entry point."""
    app()
