"""Where trained linear encoders sit in the whitening square: 100 pairs (d = 12, k = 2, κ = 1.5 and 1.2, γˣ = .5, γʸ = .05,
γ̃ˣ = 1, γ̃ʸ = 5, ν = .6), every objective trained on all of them at three to seven values of one of its knobs.

Left, the point of the square whose encoders of both views, solved on the same pairs, span most nearly the same: a path from the
smallest value of a knob (small dot) to the largest (large dot). Right, what separates them there (line) and what separates the
trained encoders from CA (dotted), as the mean squared sine of the angles between them; 10⁻⁶ stands for less.

Deep CCA is CA at every ε, and VICReg near it at all weights: an encoder that may be scaled undoes them. A weight decay of .3 to
23 walks from CA towards PLS, within .004 of the square; at 100 nothing is left. InfoNCE is .17 and more from every point.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array
from matplotlib.figure import Figure

from phasejax import plot, solvers
from phasejax.figures import Sweeps
from phasejax.sampling import sample_pairs
from phasejax.spiked import Covariance, SpikedModel
from phasejax.training import Linear, train
from phasejax.training.metrics import leading_rows

PAIRS, STEPS, K = 100, 1500, 2
ALPHA = np.linspace(0, 1, 25)
LEAST = 1e-6  # distances below it are drawn at it


class Knob(NamedTuple):
    """What is turned of which objective (a hyperparameter unless it is a decay or a width), the values, and a colour."""

    objective: str
    name: str
    values: np.ndarray
    color: str
    width: int = K


KNOBS = {
    "Deep CCA: ε": Knob("deep_cca", "ridge", np.geomspace(1e-3, 10, 7), "#0072b2"),
    "VICReg: variance weight": Knob("vicreg", "lam_var", np.geomspace(0.5, 250, 7), "#d55e00"),
    "VICReg: covariance weight": Knob("vicreg", "lam_cov", np.geomspace(0.1, 100, 7), "#cc79a7"),
    "VICReg: weight decay": Knob("vicreg", "decay", np.geomspace(0.3, 100, 5), "#e69f00"),
    "InfoNCE, width 8: temperature": Knob("infonce", "temperature", np.geomspace(0.05, 5, 7), "#009e73", width=8),
    "InfoNCE, temperature .5: width": Knob("infonce", "width", np.array([2, 4, 12]), "#777777"),
}


def draw(sweeps: Sweeps) -> Figure:
    figure = Figure(figsize=(plot.PAGE, 3.4), layout="constrained")
    square, apart = figure.subplots(1, 2)
    model = SpikedModel.homogeneous(
        d=12, k=K, kappa=[1.5, 1.2], gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=1.0, gamma_tilde_y=5.0, nu=0.6
    )
    views = sample_pairs(model, PAIRS, key=jax.random.key(0))
    solved = _square(views)
    for label, knob in KNOBS.items():
        trained = _leading(_trained(views, knob), views)
        distance = np.asarray(_apart(trained, solved))  # (values, αx, αy)
        nearest = np.unravel_index(distance.reshape(len(distance), -1).argmin(1), distance.shape[1:])
        path = ALPHA[np.stack(nearest)]
        square.plot(*path, color=knob.color, linewidth=1.2, label=label, clip_on=False)
        square.scatter(*path, s=np.linspace(6, 60, len(path.T)), color=knob.color, clip_on=False, zorder=3)
        at = np.linspace(0, 1, len(distance))
        apart.plot(at, np.maximum(distance.min((1, 2)), LEAST), "-o", color=knob.color, markersize=3)
        apart.plot(at, np.maximum(distance[:, 0, 0], LEAST), ":", color=knob.color, linewidth=1)
    for (x, y), name in {(0, 0): "CA", (0, 1): "CP", (1, 0): "CP from y", (1, 1): "PLS"}.items():
        square.annotate(name, (x, y), (8 - 16 * x, 8 - 16 * y), textcoords="offset points", ha="right" if x else "left")
    square.set(xlabel="x left alone, αx", ylabel="y left alone, αy", xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    apart.set(
        xlabel="value of the knob, smallest to largest", ylabel="distance", yscale="log", xticks=[], ylim=(LEAST / 2, 1.5)
    )
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def _trained(views: tuple[Array, ...], knob: Knob) -> list[tuple[Array, ...]]:
    """The weights (width, d) of both encoders at each value."""
    common: dict[str, Any] = dict(steps=STEPS, batch=PAIRS, learning_rate=0.02)

    def one(width=knob.width, **more):
        return _weights(train(knob.objective, views, key=jax.random.key(1), encoder=Linear(width), **common, **more))

    if knob.name == "decay":
        decays = (optax.chain(optax.add_decayed_weights(value), optax.scale_by_adam()) for value in knob.values)
        return [one(transform=decay) for decay in decays]
    if knob.name == "width":
        return [one(int(width), hyperparameters={"temperature": 0.5}) for width in knob.values]
    keys, values = jax.random.split(jax.random.key(1), len(knob.values)), {knob.name: jnp.asarray(knob.values)}
    many = train(knob.objective, views, key=keys, encoder=Linear(knob.width), hyperparameters=values, **common)
    return list(zip(*_weights(many), strict=True))


def _leading(trained: list[tuple[Array, ...]], views: tuple[Array, ...]) -> tuple[Array, ...]:
    """Of each encoder the k combinations of features that vary most, (values, k, d) for either view."""
    covariances = [jnp.cov(view.T) for view in views]
    sides = [[leading_rows(weights[side], cov, K) for weights in trained] for side, cov in enumerate(covariances)]
    return tuple(jnp.stack(rows) for rows in sides)


def _weights(trained) -> tuple[Array, ...]:
    return tuple(encoder.weight for encoder in trained.encoders)


def _square(views: tuple[Array, ...]) -> tuple[Array, ...]:
    """The encoders of both views all over the square, (αx, αy, k, d) each."""
    x, y = (view - view.mean(0) for view in views)
    cov = Covariance(*(a.T @ b / PAIRS for a, b in ((x, x), (x, y), (y, y))))
    ridge = jnp.asarray(ALPHA / np.where(ALPHA < 1, 1 - ALPHA, 1)).at[-1].set(jnp.inf)

    def at(ridge_x, ridge_y):
        found = solvers.whiten(cov, K, ridge_x=ridge_x, ridge_y=ridge_y)
        return found.encoder_x, found.encoder_y

    return jax.vmap(lambda x: jax.vmap(lambda y: at(x, y))(ridge))(ridge)


@eqx.filter_jit
def _apart(trained: tuple[Array, ...], solved: tuple[Array, ...]) -> Array:
    """Mean over both views of the squared sines between the trained row spaces and those of the square."""

    def basis(rows):
        return jnp.linalg.qr(jnp.swapaxes(rows, -1, -2))[0]

    sines = [
        1 - jnp.sum(jnp.einsum("vdk,xydl->vxykl", basis(ours), basis(theirs)) ** 2, axis=(-1, -2)) / K
        for ours, theirs in zip(trained, solved, strict=True)
    ]
    return (sines[0] + sines[1]) / 2
