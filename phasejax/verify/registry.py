"""What a claim is: a statement with its condition and source, a check that can fail, and the verdict on record."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import jax
import numpy as np

type Truth = bool | np.bool | jax.Array


class Verdict(StrEnum):
    """What a check found out about a claim as it is stated."""

    HOLDS = "holds"
    CONDITIONAL = "holds with a condition"
    REFUTED = "refuted"
    OPEN = "not decided at this size"  # what was measured neither supports nor contradicts it
    UNDECIDED = "undecided"  # neither the claim nor the correction on record stands: something is broken


class Finding(NamedTuple):
    """The outcome of a check: its verdict, what it measured (one phrase with its numbers), over how many cases."""

    verdict: Verdict
    figure: str
    cases: int


@dataclass(frozen=True)
class Claim:
    """One claim of the theory.

    - `id`: short name, unique; `statement`: the claim in words and symbols.
    - `condition`: under which it holds as checked here ("none" if always), or the counter-example that refutes it.
    - `source`: equation, proposition or section.
    - `recorded`: the verdict that every run must reproduce.
    - `check`: seed → `Finding`; float64.
    """

    id: str
    statement: str
    condition: str
    source: str
    recorded: Verdict
    check: Callable[[int], Finding]


_CLAIMS: dict[str, Claim] = {}


def claim(*, id: str, statement: str, condition: str, source: str, recorded: Verdict):
    """Register the decorated check, a function of an integer seed, as a claim.

    **Raises:** `ValueError` for an id that is taken.
    """

    def register(check: Callable[[int], Finding]) -> Callable[[int], Finding]:
        if id in _CLAIMS:
            raise ValueError(f"the claim id {id!r} is taken.")
        _CLAIMS[id] = Claim(id, statement, condition, source, recorded, check)
        return check

    return register


def registered() -> dict[str, Claim]:
    """All registered claims by id, in order of registration."""
    return dict(_CLAIMS)


def judge(*, as_stated: Truth, corrected: Truth | None = None) -> Verdict:
    """The verdict on a claim from what was measured.

    - Without `corrected`: HOLDS if the claim passed as stated, else REFUTED.
    - With `corrected` (the claim under its condition): HOLDS if both passed, CONDITIONAL if only the corrected form did,
      UNDECIDED if the corrected form failed.
    """
    if corrected is None:
        return Verdict.HOLDS if as_stated else Verdict.REFUTED
    if not corrected:
        return Verdict.UNDECIDED
    return Verdict.HOLDS if as_stated else Verdict.CONDITIONAL


def refute(*, counterexample: Truth, corrected: Truth = True) -> Verdict:
    """REFUTED if the counter-example was found and the `corrected` statement in its place passed; HOLDS if there was no
    counter-example; UNDECIDED if what should stand in the claim's place failed too."""
    if not corrected:
        return Verdict.UNDECIDED
    return Verdict.REFUTED if counterexample else Verdict.HOLDS
