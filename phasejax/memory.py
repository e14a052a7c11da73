"""How much memory there is, asked before much of it is taken."""

import os
import sys
from functools import cache
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup/memory.max")


class NotAffordable(ValueError):
    """More memory is wanted than there is, in one sentence."""


@cache
def available() -> float:
    """Bytes that this process may hold: the machine's, or its container's where that is less; +∞ where nobody tells."""
    limits = [float("inf")]
    if hasattr(os, "sysconf"):
        limits.append(float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES"))
    if _CGROUP.exists() and (limit := _CGROUP.read_text().strip()).isdigit():
        limits.append(float(limit))
    return min(limits)


def most_held() -> float:
    """The most bytes that this process has held so far, apart from an accelerator's; NaN where nobody tells."""
    try:
        import resource
    except ModuleNotFoundError:  # no Unix
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def affordable(what: str, size: float) -> None:
    """**Raises:** `NotAffordable` where `what`, a sentence's subject, would take more bytes than there are."""
    if size > available():
        raise NotAffordable(
            f"{what} would take {min(size, 2**99) / 2**30:,.0f} GiB of memory: this machine has {available() / 2**30:,.0f}."
        )
