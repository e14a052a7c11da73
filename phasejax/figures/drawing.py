"""Drawing the figures: the sweeps that they read, and the files of each."""

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import jax
import matplotlib as mpl
import xarray as xr
from matplotlib.animation import FuncAnimation, PillowWriter

from phasejax import figures, plot
from phasejax.figures import NAMES, caption
from phasejax.shipped import shipped
from phasejax.sweep import load_spec, run
from phasejax.whole import whole_file

__all__ = ["Sweeps", "regenerate"]


class Sweeps:
    """The sweeps that figures read, run on first use and kept as stores in a folder; `on_progress` hears of it in words."""

    def __init__(self, folder: Path, on_progress: Callable[[str], Any] = lambda words: None):
        self._folder, self._say = folder, on_progress

    def __call__(self, name: str) -> xr.Dataset:
        """The dataset of a published sweep; a store of it that is there already is continued or read."""
        spec = load_spec(shipped("sweeps") / f"{name}.toml")
        self._say(f"sweep {name}")
        return run(
            spec,
            path=self._folder / f"{name}.zarr",
            resume=True,
            on_progress=lambda p: self._say(f"sweep {name}: {p.cells_done} of {p.cells} cells"),
        )


def regenerate(
    names: Iterable[str] = (),
    out: Path = Path("out/figures"),
    *,
    on_progress: Callable[[str], Any] = lambda words: None,
) -> Iterator[list[Path]]:
    """Draw figures, all or those named, into a folder; yields the files of each as it is done: PDF and PNG, or GIF, and its
    caption as Markdown. `on_progress` hears what is done meanwhile, in words.

    **Raises:** `ValueError` for a name that is not in `NAMES`.
    """
    chosen = tuple(names) or NAMES
    for name in chosen:
        if name not in NAMES:
            raise ValueError(f"there is no figure {name!r}: choose among {', '.join(NAMES)}.")
    return _files(chosen, out, on_progress)


def _files(names: tuple[str, ...], out: Path, on_progress: Callable[[str], Any]) -> Iterator[list[Path]]:
    out.mkdir(parents=True, exist_ok=True)
    for name in names:

        def say(words: str, name=name) -> None:
            on_progress(f"{name}: {words}")

        say("drawing")
        draw: Callable[[Sweeps], Any] = import_module(f"{figures.__name__}.{name}").draw
        # Curves are computed in float64; the sweeps choose their own precision.
        with jax.enable_x64(True), mpl.rc_context(plot.STYLE):
            paths = _save(draw(Sweeps(out / "sweeps", say)), out / name)
        words = (out / name).with_suffix(".md")
        with whole_file(words) as draft:
            draft.write_text(caption(name) + "\n", encoding="utf-8")
        yield [*paths, words]


def _save(drawn: Any, stem: Path) -> list[Path]:
    if isinstance(drawn, FuncAnimation):
        path = stem.with_suffix(".gif")
        with whole_file(path) as draft:
            drawn.save(draft, writer=PillowWriter(fps=8), dpi=110)
        return [path]
    paths = [stem.with_suffix(suffix) for suffix in (".pdf", ".png")]
    for path in paths:
        plot.save(drawn, path)
    return paths
