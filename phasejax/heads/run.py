"""Training heads and scoring what they let a linear probe tell.

Groups are cut into five folds. Outside a fold heads are trained on all pairs and probes on the labels; in it they are scored.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Key

from phasejax.diagnosis import checks
from phasejax.diagnosis.labels import read_labels
from phasejax.diagnosis.probe import Targets, contributions, read_out, scored, sums_of, targets_of
from phasejax.diagnosis.views import MOST_COMPONENTS, principal_view
from phasejax.folds import group_folds
from phasejax.objectives import get
from phasejax.training import MLP, TrainingProgress, train

FOLDS = 5
_SHARED = 1 + FOLDS / (FOLDS - 1)  # variance of a mean over folds that share training rows, over that of independent ones
Kind = Literal["head", "baseline", "ceiling"]


class Head(NamedTuple):
    """What was scored: a head's `objective`, or what stands beside it; `reads` "x", "y" or "x, y"."""

    kind: Kind
    objective: str
    reads: str


class Heads(NamedTuple):
    """Scores of C representations on groups that they were not fitted to.

    - `heads`: C of them; `score`, `error` (C,): balanced accuracy or R², and its standard error over groups.
    - `difference`, `difference_error` (C,): score less that of the better view alone, paired by group.
    - `measure`: "balanced accuracy" or "R²"; `chance`: what a representation that tells nothing scores.
    - `diverged`: the objectives of which a training diverged, its heads being the last good ones.
    """

    heads: tuple[Head, ...]
    score: Float[np.ndarray, " C"]
    error: Float[np.ndarray, " C"]
    difference: Float[np.ndarray, " C"]
    difference_error: Float[np.ndarray, " C"]
    measure: str
    chance: float
    diverged: tuple[str, ...]

    @property
    def ahead(self) -> tuple[Head, ...]:
        """The heads that score more than the better view alone, by more than two standard errors."""
        return self._heads(self.difference > 2 * self.difference_error)

    @property
    def below_chance(self) -> tuple[Head, ...]:
        """The heads that score less than what tells nothing, by more than two standard errors: what they hold of the pairs that
        they were trained on, other pairs do not have."""
        return self._heads(self.score < self.chance - 2 * self.error)

    def _heads(self, chosen: Bool[np.ndarray, " C"]) -> tuple[Head, ...]:
        return tuple(head for head, here in zip(self.heads, chosen, strict=True) if here and head.kind == "head")

    def to_dict(self) -> dict:
        """Plain numbers and words, for JSON."""
        columns = ("score", "error", "difference", "difference_error")
        rows = [head._asdict() | {c: float(getattr(self, c)[i]) for c in columns} for i, head in enumerate(self.heads)]
        return {"measure": self.measure, "chance": self.chance, "diverged": list(self.diverged), "heads": rows}


class FoldRows(eqx.Module):
    """A source of the rows outside a fold, drawn with replacement: `rows` (n,) of which the first `count` are outside."""

    views: tuple[Float[Array, "n d_x"], Float[Array, "n d_y"]]
    rows: Int[Array, " n"]
    count: Int[Array, ""]

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.count.shape

    def sample(self, n: int, *, key: Key[Array, ""]) -> tuple[Array, ...]:
        chosen = self.rows[jax.random.randint(key, (n,), 0, self.count)]
        return tuple(view[chosen] for view in self.views)


def train_heads(
    x: checks.ViewLike,
    y: checks.ViewLike,
    labels: ArrayLike,
    *,
    objectives: Iterable[str],
    key: Key[Array, ""],
    groups: ArrayLike | None = None,
    labelled: ArrayLike | None = None,
    width: int = 16,
    hidden: int = 128,
    steps: int = 1000,
    batch: int = 256,
    learning_rate: float = 1e-3,
    checkpoints: Path | None = None,
    on_progress: Callable[[str, TrainingProgress], None] = lambda name, progress: None,
) -> Heads:
    """Train heads on two views of the same objects and score what each lets a linear probe tell.

    **Arguments:**

    - `x` (n, d_x), `y` (n, d_y), `labels` (n,) or (n, q), `groups` (n,), `labelled` (n,): as in `diagnose`. Of either view its
      leading principal components are taken, at most 128.
    - `objectives`: names in `phasejax.objectives`; what predicts is trained in both directions.
    - `width` of the embedding, `hidden` units of the one hidden layer, `steps` of `batch` pairs, `learning_rate` at the first.
    - `checkpoints`: a folder in which every training keeps its state; one that is found there is continued.

    **Raises:** `ValueError` naming the mistake, before any work.
    """
    x, y = checks.view("x", x), checks.view("y", y)
    checks.same_rows(x, y)
    read = read_labels(labels, len(x), labelled)
    codes = checks.group_codes(groups, len(x))
    names = tuple(dict.fromkeys(objectives))
    trainings = [(name, source) for name in names for source in _sources(name)]
    if min(width, hidden, steps // 20, batch - 1) < 1 or steps % 20 or not learning_rate > 0:
        raise ValueError(
            f"width = {width}, hidden = {hidden}, steps = {steps}, batch = {batch}, learning_rate = {learning_rate:g} are not "
            "allowed together: widths ≥ 1, steps a multiple of 20, batch ≥ 2 and a rate > 0 are needed."
        )
    key_folds, key_train = jax.random.split(key)
    seed = int(jax.random.randint(key_folds, (), 0, np.iinfo(np.int32).max))
    fold = group_folds(codes, FOLDS, np.random.default_rng(seed))
    if fold.max() == 0 or any(not np.any(fold[read.rows] != f) for f in range(fold.max() + 1)):
        raise ValueError("all labels are in one group: labels in at least two are needed, so that groups can be held out.")
    targets = targets_of(read.raw, read.kind == "classes")
    principal = (principal_view(view, MOST_COMPONENTS) for view in (x, y))
    views = tuple(np.asarray(p.scores * np.sqrt(p.variances), np.float32) for p in principal)
    options = {"steps": steps, "batch": batch, "learning_rate": learning_rate, "legs": 20}

    def trained(name: str, views, rows, recipe, objective, **settings):
        """The encoders of every fold, and whether any of them diverged."""
        found = train(
            objective,
            _outside(views, rows, fold),
            key=jax.random.split(key_train, fold.max() + 1),
            encoder=recipe,
            checkpoint=None if checkpoints is None else checkpoints / f"{name.replace(' ', '_')}.checkpoint",
            resume=True,
            on_progress=lambda progress: on_progress(name, progress),
            devices=tuple(jax.local_devices()[:1]),
            **options,
            **settings,
        )
        return found.encoders, bool(np.any(found.diverged))

    every, joined = np.arange(len(x)), np.hstack(views)
    raw = np.broadcast_to(joined, (fold.max() + 1, *joined.shape))
    d_x = views[0].shape[1]
    held: list[tuple[Head, np.ndarray]] = [
        (Head("baseline", "features alone", "x"), raw[..., :d_x]),
        (Head("baseline", "features alone", "y"), raw[..., d_x:]),
        (Head("baseline", "features alone", "x, y"), raw),
    ]
    diverged = []
    for name, source in trainings:
        label = name if source is None else f"{name} {'x→y' if source == 0 else 'y→x'}"
        settings = {} if source is None else {"hyperparameters": {"source": source}}
        encoders, lost = trained(label, views, every, MLP(width, hidden), name, **settings)
        diverged += [label] if lost else []
        embedded = [_embedded(encoder, view) for encoder, view in zip(encoders, views, strict=True)]
        if source is None:
            held.append((Head("head", label, "x, y"), np.concatenate(embedded, axis=-1)))
        held += [(Head("head", label, "xy"[side]), embedded[side]) for side in (0, 1) if source in (None, side)]
    told = np.zeros((len(x), targets.values.shape[1]), np.float32)
    told[read.rows] = targets.values
    loss = _cross_entropy if targets.classes else _squared_error
    encoders, lost = trained("ceiling", (joined, told), read.rows, MLP(told.shape[1], hidden), loss)
    held.append((Head("ceiling", "trained on labels", "x, y"), _embedded(encoders[0], joined)))
    added = np.stack([_contributions(z[:, read.rows], targets, fold[read.rows]) for _, z in held])
    score, covariance = scored(added, targets, codes[read.rows])
    covariance = covariance * _SHARED
    best, variance = int(np.argmax(score[:2])), np.diag(covariance)
    return Heads(
        tuple(head for head, _ in held),
        score,
        np.sqrt(variance),
        score - score[best],
        np.sqrt(np.maximum(variance + variance[best] - 2 * covariance[best], 0)),
        "balanced accuracy" if targets.classes else "R²",
        targets.chance,
        (*diverged, *(["ceiling"] if lost else [])),
    )


def _sources(name: str) -> tuple[int | None, ...]:
    """The modalities that an objective can predict from, each a training of its own; None where it has no direction."""
    return (0, 1) if "source" in get(name).hyperparameters else (None,)


def _outside(views, rows: Int[np.ndarray, " m"], fold: Int[np.ndarray, " n"]) -> FoldRows:
    """Those of `rows` that are outside each fold, folds leading."""
    outside = [rows[fold[rows] != held_out] for held_out in range(fold.max() + 1)]
    table = np.stack([np.pad(part, (0, len(rows) - len(part)), mode="edge") for part in outside])
    x, y = (jnp.broadcast_to(jnp.asarray(view, dtype=float), (len(outside), *view.shape)) for view in views)
    return FoldRows((x, y), jnp.asarray(table, jnp.int32), jnp.array([len(part) for part in outside], jnp.int32))


@eqx.filter_jit
def _apply(encoders, rows):
    return eqx.filter_vmap(lambda encoder: jax.vmap(encoder)(rows))(encoders)


def _embedded(encoders, rows: np.ndarray) -> Float[np.ndarray, "folds n width"]:
    """The embedding of every row by the encoder of every fold, standardised: probes do not depend on its scale."""
    z = np.asarray(_apply(encoders, jnp.asarray(rows, dtype=float)), np.float64)
    return (z - z.mean(axis=1, keepdims=True)) / np.maximum(z.std(axis=1, keepdims=True), 1e-9)


def _contributions(z: Float[np.ndarray, "folds m width"], targets: Targets, fold: Int[np.ndarray, " m"]) -> np.ndarray:
    """What each labelled row adds to the score, under the probe fitted outside its fold to the heads trained outside it."""
    added = np.zeros(len(fold))
    for held_out in range(len(z)):
        features, inside = z[held_out].astype(np.float64), np.flatnonzero(fold == held_out)
        outside = fold != held_out
        weights, offsets = read_out(sums_of(features[outside], targets.values[outside]), targets.classes)
        added[inside] = contributions(features[inside], weights, offsets, targets, inside)
    return added


def _cross_entropy(z: Float[Array, "2 B q"], views: tuple[Array, Array]) -> Float[Array, ""]:
    return jnp.mean(optax.softmax_cross_entropy(z[0], views[1]))


def _squared_error(z: Float[Array, "2 B q"], views: tuple[Array, Array]) -> Float[Array, ""]:
    return jnp.mean((z[0] - views[1]) ** 2)
