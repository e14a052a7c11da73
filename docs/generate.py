"""The pages that the package itself writes: reference of every public name, claims with verdicts, commands, figures, the
explorer."""

import inspect
from importlib import import_module
from pathlib import Path

from measured import measured
from typer.testing import CliRunner

from phasejax import runtime
from phasejax.cli import COMMANDS, app

runtime.prepare()  # before anything touches JAX

PACKAGES = (
    "phasejax",
    "phasejax.theory",
    "phasejax.solvers",
    "phasejax.sampling",
    "phasejax.recovery",
    "phasejax.multimodal",
    "phasejax.objectives",
    "phasejax.training",
    "phasejax.worlds",
    "phasejax.heads",
    "phasejax.sweep",
    "phasejax.diagnosis",
    "phasejax.verify",
    "phasejax.explorer",
)


def generate(folder: Path) -> None:
    """Write all of it into a folder of its own, whole pages at a time."""
    (folder / "extra").mkdir(parents=True, exist_ok=True)
    (folder / "extra" / "explorer.html").write_text(import_module("phasejax.explorer").page(), encoding="utf-8")
    (folder / "api.md").write_text(reference(), encoding="utf-8")
    (folder / "claims.md").write_text(claims(), encoding="utf-8")
    (folder / "measured.md").write_text(measured(), encoding="utf-8")
    (folder / "commands.md").write_text(commands(), encoding="utf-8")
    (folder / "gallery.md").write_text(gallery(), encoding="utf-8")


def public_names() -> list[tuple[str, str]]:
    """(package, name) of everything public that is not itself a module; each object once, where it is first listed."""
    found, seen = [], set()
    for package in PACKAGES:
        module = import_module(package)
        for name in module.__all__:
            value = getattr(module, name)
            if not inspect.ismodule(value) and not name.startswith("__") and id(value) not in seen:
                seen.add(id(value))
                found.append((package, name))
    return found


def reference() -> str:
    """One section a package, one entry a public name."""
    parts = ["# Reference\n"]
    names = public_names()
    for package in PACKAGES:
        first = (inspect.getdoc(import_module(package)) or "").split("\n\n")[0]
        parts.append(f"## {package}\n\n{first}\n")
        for _, name in (pair for pair in names if pair[0] == package):
            value = getattr(import_module(package), name)
            if inspect.isclass(value):
                entry = f".. autoclass:: {package}.{name}\n   :members:"
            elif callable(value):
                entry = f".. autofunction:: {package}.{name}"
            else:  # a constant has the docstring of its type
                entry = f".. py:data:: {package}.{name}\n   :type: {type(value).__name__}"
            parts.append(f"```{{eval-rst}}\n{entry}\n```\n")
    return "\n".join(parts)


def claims() -> str:
    """Every claim on record: what is said, where, under which condition, and the verdict."""
    from phasejax.verify import list_claims

    parts = ["# Claims\n", "`phasejax verify` checks each of these and says what it found.\n"]
    for claim in list_claims():
        condition = f"\n\n: Condition: {claim.condition}" if claim.condition else ""
        parts.append(f"**{claim.id}** — {claim.recorded}\n\n: {claim.statement} ({claim.source}){condition}\n")
    return "\n".join(parts)


def gallery() -> str:
    """Every figure with its caption; the pictures are those that `phasejax figures` drew, kept small in docs/gallery."""
    from phasejax.figures import NAMES, caption

    parts = ["# Gallery\n", "`phasejax figures` draws each of these from nothing and writes its caption beside it.\n"]
    for name in NAMES:
        pictures = [f"![{name}](../gallery/{path.name})\n" for path in Path(__file__).parent.glob(f"gallery/{name}.*")]
        parts += [f"## {name.replace('_', ' ')}\n", *pictures, f"{caption(name)}\n"]
    return "\n".join(parts)


def commands() -> str:
    """The help of every command, as a terminal of 100 columns shows it."""
    runner, terminal = CliRunner(), {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    parts = ["# Commands\n"]
    for name in COMMANDS:
        parts.append(
            f"## phasejax {name}\n\n```text\n{runner.invoke(app, [name, '--help'], env=terminal).output.strip()}\n```\n"
        )
    return "\n".join(parts)
