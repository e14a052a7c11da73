"""Tried on these pairs: encoders fitted on some groups, probed with the labels, scored on groups that they never saw."""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float

Objective = Literal["CA", "CP", "PLS", "whitened", "principal components", "whole view"]


class Candidate(NamedTuple):
    """One encoder of one view.

    - `objective`: what it is fitted by; `direction` "x→y" or "y→x" for CP, which encodes its source.
    - `view`: the view that it encodes, "x" or "y".
    - `k`: its dimensions; `ridge_x`, `ridge_y` in [0, 1]: α = ε/(ε + s) with s the mean variance of the view's components,
      0 whitens the view fully and 1 not at all. Of a "whitened" encoder they are the most frequent choices.
    """

    objective: Objective
    direction: Literal["x→y", "y→x"] | None
    view: Literal["x", "y"]
    k: int
    ridge_x: float
    ridge_y: float


class Trial(NamedTuple):
    """Scores of C candidates on held-out groups.

    - `candidates`: C of them; `score`, `error` (C,): mean over splits and its standard error.
    - `splits` (S, C): the score of each split.
    - `difference`, `difference_error` (C, C): score of the row less that of the column, and its standard error, split by
      split. Standard errors hold for splits that share training rows (Nadeau & Bengio 2003).
    - `measure`: "balanced accuracy" or "R²"; `chance`: what an encoder that tells nothing scores.
    """

    candidates: tuple[Candidate, ...]
    score: Float[np.ndarray, " C"]
    error: Float[np.ndarray, " C"]
    splits: Float[np.ndarray, "S C"]
    difference: Float[np.ndarray, "C C"]
    difference_error: Float[np.ndarray, "C C"]
    measure: Literal["balanced accuracy", "R²"]
    chance: float

    @property
    def best(self) -> int:
        """Index of the candidate that scores highest; the first of equals."""
        return int(np.argmax(self.score))
