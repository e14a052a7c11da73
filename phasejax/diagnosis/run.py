"""`diagnose`: rows in, `Diagnosis` out."""

from typing import Literal, get_args

import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Key

from phasejax.diagnosis import checks
from phasejax.diagnosis.advice import advise, doubts
from phasejax.diagnosis.labels import read_labels
from phasejax.diagnosis.loadings import loadings_of
from phasejax.diagnosis.model.explanation import explain
from phasejax.diagnosis.published import diagnose_by_elbow
from phasejax.diagnosis.relation import relate
from phasejax.diagnosis.result import Diagnosis, Reduction
from phasejax.diagnosis.sample import reduce_sample
from phasejax.diagnosis.trial import try_out
from phasejax.diagnosis.views import View, block_sums
from phasejax.folds import group_folds
from phasejax.runtime import on_host

Method = Literal["default", "elbow"]
_BLOCKS = 20


@on_host()
def diagnose(
    x: checks.ViewLike,
    y: checks.ViewLike,
    labels: ArrayLike,
    *,
    key: Key[Array, ""],
    groups: ArrayLike | None = None,
    labelled: ArrayLike | None = None,
    k: int | None = None,
    method: Method = "default",
) -> Diagnosis:
    """Place paired embeddings in the phase diagram.

    **Arguments:**

    - `x` (n, d_x), `y` (n, d_y): the two views of n ≥ 30 pairs, row by row; arrays of real numbers (NumPy, JAX) or data frames,
      whose columns have names.
    - `labels` (n,) or (n, q): what the shared signal should tell. Floats are quantities; strings, booleans and whole numbers
      of at most 50 distinct values are classes. NaN, None and "" mean "no label": such pairs still inform the spectra.
    - `key`: typed key; the same key gives the same answer.
    - `groups` (n,): subject, session or object of each row. Groups are never split, and rows of a group that are alike
      count for less than as many independent pairs.
    - `labelled` (n,) booleans: rows whose label counts (for labels that cannot hold NaN).
    - `k`: number of shared signal directions, where known; otherwise it is estimated.
    - `method`: "default", or "elbow" for the published Algorithm 1.

    **Raises:** `ValueError` naming the mistake, before any work.
    """
    if method not in get_args(Method):
        raise ValueError(f"method = {method!r} is not allowed: choose one of {', '.join(get_args(Method))}.")
    given = x, y
    x, y = checks.view("x", x), checks.view("y", y)
    checks.same_rows(x, y)
    names = [checks.names_of(side, one, view.shape[1]) for side, one, view in zip("xy", given, (x, y), strict=True)]
    n = len(x)
    read = read_labels(labels, n, labelled)
    codes = checks.group_codes(groups, n)
    if k is not None and not 1 <= k <= min(x.shape[1], y.shape[1]):
        raise ValueError(f"k = {k} is not allowed: the number of signal directions lies in 1..{min(x.shape[1], y.shape[1])}.")
    seed = int(jax.random.randint(key, (), 0, np.iinfo(np.int32).max))
    if method == "elbow":
        return diagnose_by_elbow(x, y, read, codes, k, seed)
    sample = reduce_sample(x, y, read, codes)
    block = group_folds(codes, _BLOCKS, np.random.default_rng(seed))
    blocks = block_sums(sample.x, sample.y, read.rows, read.columns, block)
    relation = relate(x, y, sample, seed)
    model = explain(sample, blocks, k, seed)
    dimensions = k or max(model.k, read.columns.shape[1])  # fewer than there are label columns cannot tell them
    trial = try_out(sample, blocks, block, dimensions, seed) if relation.verdict == "fit" else None
    advice = advise(relation, trial, model)
    at = None if trial is None else trial.advised(*advice[:3])
    loadings = None if trial is None or at is None else loadings_of((x, y), names, sample, trial.candidates[at])
    return Diagnosis(
        *advice,
        loadings=loadings,
        relation=relation,
        trial=trial,
        ca=model.ca,
        cp=model.cp,
        cp_reverse=model.cp_reverse,
        regime=model.population.regime,
        regime_probabilities=model.population.probabilities,
        these_pairs=model.these_pairs,
        sensitivity=model.sensitivity,
        reliability=model.reliability,
        cloud=model.cloud,
        k=model.k,
        n=n,
        n_effective=float(sample.sizes.n),
        n_labelled=read.rows.size,
        x=_reduction(x, sample.x),
        y=_reduction(y, sample.y),
        method="default",
        warnings=(*sample.notes, *doubts(relation, trial)),
    )


def _reduction(values: np.ndarray, view: View) -> Reduction:
    return Reduction(values.shape[1], view.rank, view.variances.size)
