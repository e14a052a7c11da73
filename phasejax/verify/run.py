"""Running the claims: every check in float64, one result each, compared with the verdict on record."""

import pkgutil
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module

import jax

from phasejax import runtime
from phasejax.verify.registry import Claim, Finding, Verdict, registered


@dataclass(frozen=True)
class Result:
    """A claim, what its check found, and how long it took."""

    claim: Claim
    finding: Finding
    seconds: float

    @property
    def as_recorded(self) -> bool:
        """Whether the verdict is the one on record."""
        return self.finding.verdict is self.claim.recorded

    def to_dict(self) -> dict:
        """JSON-safe: id, statement, condition, source, verdict, figure, cases."""
        claim, finding = self.claim, self.finding
        return {
            "id": claim.id,
            "statement": claim.statement,
            "condition": claim.condition,
            "source": claim.source,
            "verdict": str(finding.verdict),
            "recorded": str(claim.recorded),
            "figure": finding.figure,
            "cases": finding.cases,
        }


def list_claims(only: Iterable[str] = ()) -> list[Claim]:
    """The claims on record, all or those named.

    **Raises:** `ValueError` for an unknown id, with the ids that exist.
    """
    package = import_module("phasejax.verify.claims")
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
    known = registered()
    only = list(only)
    for name in only:
        if name not in known:
            raise ValueError(f"there is no claim {name!r}: choose among {', '.join(known)}.")
    return [known[name] for name in only] if only else list(known.values())


def verify(only: Iterable[str] = (), *, seed: int = 0) -> Iterator[Result]:
    """Check claims, one thread a core, yielding their results in order.

    A check that raises is a finding too: UNDECIDED, with the error as its figure.

    **Raises:** `ValueError` for an unknown id.
    """
    return _results(list_claims(only), seed)


def _results(chosen: list[Claim], seed: int) -> Iterator[Result]:
    # Most of a check is compilation and linear algebra outside Python's lock.
    with ThreadPoolExecutor(runtime.cores()) as pool:
        yield from pool.map(partial(_checked, seed=seed), chosen)


def _checked(claim: Claim, seed: int) -> Result:
    began = time.monotonic()
    with jax.enable_x64(True):
        try:
            finding = claim.check(seed)
        except Exception as error:
            finding = Finding(Verdict.UNDECIDED, f"the check failed: {error}", 0)
    return Result(claim, finding, time.monotonic() - began)
