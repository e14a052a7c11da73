"""What the library asks of its arguments; a mistake is a `ValueError` of one sentence: what, which value, what is allowed.

Shapes and whole numbers are always checked. Values are checked where they are known: inside `jit` and `vmap` they are traced,
and pass. NaN is never allowed.
"""

import operator
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike

__all__ = [
    "Numbers",
    "brief",
    "broadcast",
    "choice",
    "entries",
    "finite",
    "floats",
    "known",
    "nearest",
    "nonnegative",
    "pairs",
    "positive",
    "ridges",
    "same_rows",
    "scales",
    "shape",
    "single",
    "whole",
]

type Numbers = ArrayLike | Sequence[ArrayLike] | Sequence[Sequence[ArrayLike]]
"""What may be given where an array of floats is wanted: a number, an array, a sequence, a sequence of sequences."""


def floats(value: Numbers) -> Array:
    """The value as an array of JAX's default float type; for use as a field's converter.

    **Raises:** `ValueError` on what is no array of real numbers.
    """
    if known(value) and not isinstance(value, jax.Array):
        _real(value, lambda: ValueError(f"{brief(value)} is not allowed: a real number, or an array of them, is needed."))
    return jnp.asarray(value, dtype=float)


def known(*values: Any) -> bool:
    """Whether no leaf of the values is being traced."""
    return not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(values))


def entries(name: str, value: Any, allowed: Callable[[np.ndarray], Any], description: str) -> None:
    """Every entry is finite and `allowed`, a function of the whole array that gives one truth value for each entry."""
    if not known(value):
        return
    # NumPy: inside jit, jnp would trace even what is known
    value = _real(value, lambda: ValueError(f"{name} = {brief(value)} is not allowed: {name} must be {description}."))
    bad = np.argwhere(~(np.asarray(allowed(value)) & np.isfinite(value)))
    if len(bad):
        place = f"[{', '.join(map(str, bad[0]))}]" if value.ndim else ""
        raise ValueError(f"{name}{place} = {value[tuple(bad[0])]:g} is not allowed: {name} must be {description}.")


def positive(**values: Any) -> None:
    """Every entry of every value is finite and > 0."""
    for name, value in values.items():
        entries(name, value, lambda v: v > 0, "finite and > 0")


def scales(**values: Any) -> None:
    """Every entry of every value is finite and > 0, and JAX's default float type holds its square."""
    held = jnp.finfo(jnp.result_type(float))
    least, most = (float(np.sqrt(edge)) for edge in (held.tiny, held.max))
    positive(**values)
    for name, value in values.items():
        within = f"in [{least:.3g}, {most:.3g}], so that {held.dtype} holds its square"
        entries(name, value, lambda v: (v >= least) & (v <= most), within)


def nonnegative(**values: Any) -> None:
    """Every entry of every value is finite and ≥ 0."""
    for name, value in values.items():
        entries(name, value, lambda v: v >= 0, "finite and ≥ 0")


def single(value: Any) -> Any:
    """A number for a compiled function: whole ones as floats, since JAX's whole numbers end at 2³¹ or 2⁶³ and would be
    compiled for apart."""
    return float(value) if isinstance(value, int | np.integer) else value


def pairs(n: Any) -> None:
    """n ≥ 1 pairs, which need not be whole."""
    entries("n", n, lambda v: v >= 1, "≥ 1")


def ridges(**values: Any) -> None:
    """Every value is a single number in [0, ∞]."""
    for name, value in values.items():
        shape(name, value, ())
        if not (known(value) and value == np.inf):
            entries(name, value, lambda v: v >= 0, "in [0, ∞]")


def finite(name: str, value: Any) -> None:
    """No entry is NaN or infinite; for arrays whose single entries mean little."""
    if known(value) and not np.all(np.isfinite(np.asarray(value))):
        raise ValueError(f"{name} holds NaN or infinity: finite values are needed.")


def whole(name: str, value: Any, low: int, high: int | None = None) -> None:
    """A size or an index: a whole number ≥ low, and ≤ high where a limit is given."""
    try:
        inside = low <= operator.index(value) and (high is None or value <= high)
    except TypeError:
        inside = False
    if not inside or isinstance(value, bool):
        raise ValueError(f"{name} = {brief(value)} is not allowed: {name} must be a whole number {_interval(low, high)}.")


def choice(name: str, value: Any, allowed: Iterable[str]) -> None:
    """One of the allowed words."""
    if not isinstance(value, str) or value not in (allowed := tuple(allowed)):
        raise ValueError(f"{name} = {brief(value)} is not allowed: choose one of {', '.join(allowed)}.")


def shape(name: str, value: Any, allowed: tuple[int, ...]) -> None:
    """An array of exactly this shape."""
    if np.shape(value) != allowed:
        raise ValueError(f"{name} has shape {np.shape(value)}: shape {allowed} is allowed.")


def same_rows(x: Any, y: Any) -> None:
    """Pairs need as many rows in x as in y."""
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} rows and y has {len(y)}: pairs need the same number.")


def broadcast(name: str, value: Numbers, full: tuple[int, ...]) -> Array:
    """The value as floats of the full shape; it may be a scalar or lack leading axes, nothing else is stretched."""
    array = floats(value)
    allowed = [full[i:] for i in range(len(full) - 1, -1, -1)]
    if array.shape not in ((), *allowed):
        raise ValueError(f"{name} has shape {array.shape}: a scalar or shape {' or '.join(map(str, allowed))} is allowed.")
    return jnp.broadcast_to(array, full)


def brief(value: Any) -> str:
    """A value as Python writes it, on one line, or how that begins."""
    try:
        text = " ".join((str if isinstance(value, np.generic | np.ndarray | jax.Array) else repr)(value).split())
    except (ValueError, RecursionError):  # more digits than Python writes, or nested too deep
        return "a value too long to write"
    return text if len(text) <= 80 else f"{text[:77]}…"


def _real(value: Any, mistake: Callable[[], Exception]) -> np.ndarray:
    """The value as a NumPy array of real numbers, a mistake otherwise."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise mistake() from error
    if not (jnp.issubdtype(array.dtype, jnp.integer) or jnp.issubdtype(array.dtype, jnp.floating)):
        raise mistake()
    return array


def nearest(name: str, known: Iterable[str]) -> str:
    """What to add to a sentence on an unknown name: the known one that it is closest to, where one is close."""
    found = get_close_matches(name, list(known), 1, 0.7)
    return f" (did you mean {found[0]}?)" if found else ""


def _interval(low: int, high: int | None) -> str:
    return f"≥ {low}" if high is None else f"in {low}..{high}"
