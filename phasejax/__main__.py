"""The `phasejax` command, which `python -m phasejax` is too."""

import os
import signal


def main() -> None:
    """Run the command line. Until a command begins there is nothing to keep: Ctrl-C ends the process wherever it is."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # it may be ignored, as under nohup
        signal.signal(signal.SIGINT, _leave)
    from phasejax import runtime
    from phasejax.cli import app

    runtime.is_command = True
    app()


def _leave(*_) -> None:
    # An exception would not do: extensions that are being loaded make another of it, and so does Typer.
    os.write(2, b"phasejax: interrupted; nothing was written.\n")
    os._exit(130)


if __name__ == "__main__":
    main()
