"""Components of a sample: what CA and CP rank, and how much of the labels lies on each component.

With views whitened to x̃ = Σxx^-½ x and ỹ, CA's components are the singular triplets (u, σ, v) of C = Σxx^-½ Σxy Σyy^-½ and
CP's those of A = Σxx^-½ Σxy. The labels l, whitened as well, load a = E[x̃ lᵀ] on the source and b = E[ỹ lᵀ] on the target.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from phasejax.diagnosis.sample import Sizes
from phasejax.diagnosis.views import Blocks

_JITTER = 1e-5  # keeps the factor real in single precision; the views have variance 1


class Moments(NamedTuple):
    """Centred second moments of both views in principal components, and of the views with whitened labels."""

    xx: Float[Array, "r_x r_x"]
    xy: Float[Array, "r_x r_y"]
    yy: Float[Array, "r_y r_y"]
    x_labels: Float[Array, "r_x L"]
    y_labels: Float[Array, "r_y L"]
    variance_x: Float[Array, " r_x"]
    variance_y: Float[Array, " r_y"]
    ridge: Float[Array, ""]

    def swap(self) -> "Moments":
        """The moments with source and target exchanged."""
        return Moments(self.yy, self.xy.T, self.xx, self.y_labels, self.x_labels, self.variance_y, self.variance_x, self.ridge)


class Components(NamedTuple):
    """The m = min(r_x, r_y) components of one objective, by descending singular value.

    - `value`: singular value, a correlation for CA; for CP in units of the root mean variance of y.
    - `loading_x`, `loading_y`: squared correlation of the component's score with the labels, summed over label columns.
    - `agreement`: the product of both loadings with their signs, which label noise does not inflate.
    - `variance_x`, `variance_y`: variance of the component's direction in each view, in units of the view's mean.
    """

    value: Float[Array, " m"]
    loading_x: Float[Array, " m"]
    loading_y: Float[Array, " m"]
    agreement: Float[Array, " m"]
    variance_x: Float[Array, " m"]
    variance_y: Float[Array, " m"]


class Evidence(NamedTuple):
    """Components of CA and of CP from x to y, and the sizes that set their noise."""

    ca: Components
    cp: Components
    sizes: Sizes


def moments(blocks: Blocks, weights: Float[Array, " B"], variance_x: Array, variance_y: Array, ridge: Array) -> Moments:
    """The moments of the rows in the blocks of weight 1 (a resample is a choice of weights), of components with a variance."""
    pairs, labelled, squares = (jnp.tensordot(weights, jnp.asarray(block), 1) for block in blocks)
    n, n_labelled = pairs[0, 0], squares[0, 0]
    covariance = pairs[1:, 1:] / n - jnp.outer(pairs[0, 1:], pairs[0, 1:]) / n**2
    cross = labelled[1:, 1:] / n_labelled - jnp.outer(labelled[1:, 0], squares[0, 1:]) / n_labelled**2
    label = squares[1:, 1:] / n_labelled - jnp.outer(squares[0, 1:], squares[0, 1:]) / n_labelled**2
    root = jnp.linalg.cholesky(label + 1e-4 * jnp.eye(label.shape[0], dtype=label.dtype))
    cross = solve_triangular(root, cross.T, lower=True).T
    r = variance_x.size
    present = (jnp.concatenate([variance_x, variance_y]) > 0).astype(covariance.dtype)
    covariance, cross = covariance * jnp.outer(present, present), cross * present[:, None]
    return Moments(
        covariance[:r, :r], covariance[:r, r:], covariance[r:, r:], cross[:r], cross[r:], variance_x, variance_y, ridge
    )


def components_ca(m: Moments) -> Components:
    """CA's components; with `Moments.swap` they only change sides."""
    w = _whiten(m)
    u, sigma, vt = jnp.linalg.svd(solve_triangular(w.root_y, w.half.T, lower=True).T, full_matrices=False)
    return _components(sigma, u.T @ w.a, vt @ w.b, w.pattern_x @ u, w.pattern_y @ vt.T)


def components_cp(m: Moments) -> Components:
    """CP's components, source x and target y."""
    w = _whiten(m)
    scale_y = jnp.sqrt(m.variance_y)[:, None]
    u, sigma, vt = jnp.linalg.svd(w.half * scale_y.T, full_matrices=False)
    variance = jnp.sum((vt @ w.pattern_y) ** 2, axis=1)
    on_target = vt @ (scale_y * m.y_labels) / jnp.sqrt(jnp.where(variance > 0, variance, 1))[:, None]
    return _components(sigma, u.T @ w.a, on_target, w.pattern_x @ u, vt.T)._replace(variance_y=variance)


def both_directions(m: Moments, sizes: Sizes) -> tuple[Evidence, Evidence]:
    """The evidence with x as the source, and with y as the source. CA is the same seen from the other side."""
    ca, cp, reverse = components_ca(m), components_cp(m), components_cp(m.swap())
    mirrored = ca._replace(loading_x=ca.loading_y, loading_y=ca.loading_x, variance_x=ca.variance_y, variance_y=ca.variance_x)
    return Evidence(ca, cp, sizes), Evidence(mirrored, reverse, sizes.swap())


class _Whitened(NamedTuple):
    """Cholesky factors of both views, x̃ᵀy, label loadings a and b, and what a unit score stands for in each view."""

    root_y: Array
    half: Array
    a: Array
    b: Array
    pattern_x: Array
    pattern_y: Array


def _whiten(m: Moments) -> _Whitened:
    root_x, root_y = _root(m.xx, m.variance_x, m.ridge), _root(m.yy, m.variance_y, m.ridge)
    return _Whitened(
        root_y,
        solve_triangular(root_x, m.xy, lower=True),
        solve_triangular(root_x, m.x_labels, lower=True),
        solve_triangular(root_y, m.y_labels, lower=True),
        jnp.sqrt(m.variance_x)[:, None] * root_x,
        jnp.sqrt(m.variance_y)[:, None] * root_y,
    )


def _components(value: Array, load_x: Array, load_y: Array, pattern_x: Array, pattern_y: Array) -> Components:
    return Components(
        value,
        jnp.sum(load_x**2, axis=1),
        jnp.sum(load_y**2, axis=1),
        jnp.sum(load_x * load_y, axis=1),
        jnp.sum(pattern_x**2, axis=0),
        jnp.sum(pattern_y**2, axis=0),
    )


def _root(covariance: Array, variance: Array, ridge: Array) -> Array:
    """Cholesky factor; padding, which has variance 0, becomes white and uncorrelated with everything."""
    present = variance > 0
    return jnp.linalg.cholesky(covariance + jnp.diag(jnp.where(present, _JITTER + ridge / jnp.where(present, variance, 1), 1)))
