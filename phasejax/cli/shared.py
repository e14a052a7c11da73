"""What the commands share: the console, and mistakes told in one sentence."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console

from phasejax.whole import replaceable, whole_file

console = Console(highlight=False)

PATIENCE = 1.5
"""Seconds that a command may take to end after Ctrl-C."""


class Mistake(ValueError):
    """A user's mistake, in one sentence: what, which value, what is allowed."""


@contextmanager
def plain_errors(*mistakes: type[Exception], interrupted: str = "nothing was written") -> Iterator[None]:
    """A mistake, the user's or the file system's, becomes one sentence on stderr and exit 2; Ctrl-C another, which says what
    became of the work, and exit 130."""
    farewell = f"phasejax: interrupted; {interrupted}."
    try:
        with _answered(farewell):
            yield
    except (Mistake, *mistakes) as error:
        typer.echo(f"phasejax: {error}", err=True)
        raise typer.Exit(2) from error
    except OSError as error:
        typer.echo(f"phasejax: {error.filename or 'a file'} cannot be read or written: {error.strerror}.", err=True)
        raise typer.Exit(2) from error
    except KeyboardInterrupt as error:
        typer.echo(farewell, err=True)
        raise typer.Exit(130) from error


@contextmanager
def _answered(farewell: str) -> Iterator[None]:
    """Answers Ctrl-C where Python cannot: while a program compiles or threads work, the interpreter hears of it too late.

    A thread learns of the signal from the operating system, leaves the process `PATIENCE` seconds to end by itself, and ends
    it then. Everything is written whole or not at all, so that nothing is left half done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    over, heard = threading.Event(), threading.Event()

    def watch() -> None:
        with ours:
            while signal.SIGINT not in (numbers := ours.recv(1)):  # other signals are none of ours
                if not numbers:  # the command ended
                    return
            if over.wait(PATIENCE):
                return
        if not heard.is_set():
            console.show_cursor()
            typer.echo(farewell, err=True)
        os._exit(130)

    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # no longer that of `__main__`: there is something to keep
    before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
        over.set()
    except KeyboardInterrupt:
        heard.set()  # and yet threads may keep the interpreter from ending
        raise
    except BaseException:
        over.set()
        raise
    finally:
        signal.set_wakeup_fd(before)
        theirs.close()


def checked_directory(out: Path) -> Path:
    """`out`, which a command may create but never take the place of a file.

    **Raises:** `Mistake`.
    """
    if out.exists() and not out.is_dir():
        raise Mistake(f"--out {out} is a file: a directory is needed.")
    nearest = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise Mistake(f"--out {out} cannot be created: {nearest} does not take new files.")
    return out


def checked_file(path: Path, option: str, *inputs: str | None) -> Path:
    """`path`, a file that a command is going to write, in a directory that exists and takes files.

    It is none of the `inputs`, which may name a part after a colon, and no link, device or pipe.

    **Raises:** `Mistake`.
    """
    if not replaceable(path) or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise Mistake(f"{option} {path} cannot be written: a plain file in an existing, writable directory is needed.")
    for source in filter(None, inputs):
        if path.exists() and any(Path(name).exists() and path.samefile(name) for name in (source, source.rpartition(":")[0])):
            raise Mistake(f"{option} {path} is read by this very command: another file is needed.")
    return path


def checked_files(outputs: dict[str, Path | None], *inputs: str | None) -> None:
    """Every file that a command is going to write, option → path, is as `checked_file` wants it, and no two are one.

    **Raises:** `Mistake`.
    """
    written: dict[Path, str] = {}
    for option, path in outputs.items():
        if path is not None:
            other = written.setdefault(checked_file(path, option, *inputs).resolve(), option)
            if other != option:
                raise Mistake(f"{other} and {option} are both {path}: two files are needed.")


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with whole_file(path) as draft:
        draft.write_text(text, encoding="utf-8")
