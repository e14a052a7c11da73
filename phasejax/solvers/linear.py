"""The solvers: a covariance triple in, a `Solution` out."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from phasejax import checks
from phasejax.solvers.solution import Solution, insist, judge
from phasejax.solvers.whitening import Whitener, unwhitened, whitener
from phasejax.spiked import Covariance


def align(cov: Covariance, k: int, *, ridge: ArrayLike = 0.0, throw: bool = True) -> Solution:
    """CA: canonical correlation analysis, the top-k singular directions of Σxx^-½ Σxy Σyy^-½.

    Encoders are normalised to encoder Σ encoderᵀ = I; singular values are the canonical correlations.

    **Arguments:** `cov` covariance triple; `k` in 1..min(d_x, d_y); `ridge` ≥ 0 added to each covariance in units of its
    mean eigenvalue, so that rescaling a view changes nothing; `throw=False` returns what was found whatever its status.

    **Raises:** `ValueError` on a bad k or mismatched shapes; and, where values are known, on a bad ridge and, unless
    `throw=False`, on any status but OK.
    """
    cov = _checked(cov, k, ridge, throw)
    return insist(_align(cov, k, checks.single(ridge)), throw)


def predict(cov: Covariance, k: int, *, ridge: ArrayLike = 0.0, throw: bool = True) -> Solution:
    """CP: reduced-rank regression of y on x, the top-k singular directions of Σxx^-½ Σxy.

    `encoder_x` is whitened on the source, `encoder_y` holds the orthonormal target directions; `Solution.coefficients` is
    the regression matrix. Arguments and errors as in `align`.
    """
    cov = _checked(cov, k, ridge, throw)
    return insist(_predict(cov, k, checks.single(ridge)), throw)


def pls(cov: Covariance, k: int, *, throw: bool = True) -> Solution:
    """Partial least squares (by SVD): the top-k singular directions of Σxy, nothing whitened. Errors as in `align`."""
    cov = _checked(cov, k, 0.0, throw)
    return insist(_pls(cov, k), throw)


def whiten(cov: Covariance, k: int, *, ridge_x: ArrayLike = 0.0, ridge_y: ArrayLike = 0.0, throw: bool = True) -> Solution:
    """Regularised alignment, the top-k singular directions of (Σxx + ε_x I)^-½ Σxy (Σyy + ε_y I)^-½.

    **Arguments:** `ridge_x`, `ridge_y` in [0, ∞], ε in units of the view's mean eigenvalue: 0 whitens, ∞ leaves alone.
    (0, 0) is `align`, (0, ∞) is `predict`, (∞, 0) is `predict` from y to x, (∞, ∞) is `pls`. The rest as in `align`.
    """
    cov = _checked(cov, k, 0.0, throw)
    checks.ridges(ridge_x=ridge_x, ridge_y=ridge_y)
    return insist(_whiten(cov, k, checks.single(ridge_x), checks.single(ridge_y)), throw)


def joint(cov: Covariance, k: int, *, lam: ArrayLike, ridge: ArrayLike = 0.0, throw: bool = True) -> Solution:
    """Prediction plus λ times alignment, with encoder Σxx encoderᵀ = I imposed: the top k of AᵀA + λ CCᵀ, λ = `lam`.

    They are the left singular directions of Σxx^-½ Σxy [I, √λ Σyy^-½]. `encoder_y` is the alignment head encoder_x Σxy Σyy⁻¹,
    the decoder is `probe(cov, encoder_x)`; singular values are √(τ² + λρ²) in the population. λ = 0 is CP, λ → ∞ is CA.
    Σyy is whitened whatever λ is, so that a singular one shows in the status even at λ = 0.

    **Raises:** `ValueError` for a negative or non-finite λ (outside `jit`); otherwise as `align`.
    """
    cov = _checked(cov, k, ridge, throw)
    checks.shape("lam", lam, ())
    checks.nonnegative(lam=lam)
    return insist(_joint(cov, k, checks.single(lam), checks.single(ridge)), throw)


def probe(cov: Covariance, encoder: Float[Array, "k d_x"]) -> Float[Array, "d_y d_x"]:
    """Coefficients of the least-squares prediction of y from the encoded source: Σyx Wᵀ (W Σxx Wᵀ)⁺ W.

    **Raises:** `ValueError` on mismatched shapes, or (outside `jit`) non-finite covariances or encoder.
    """
    cov = _blocks(cov)
    _check_finite(cov)
    checks.shape("encoder", encoder, (len(encoder), cov.xx.shape[0]))
    checks.finite("encoder", encoder)
    encoded = encoder @ cov.xx @ encoder.T
    return cov.xy.T @ encoder.T @ jnp.linalg.pinv(encoded, hermitian=True) @ encoder


# The solvers once their arguments are checked, compiled once for each shape and k.
_compiled = partial(jax.jit, static_argnums=1)


@_compiled
def _align(cov: Covariance, k: int, ridge: ArrayLike) -> Solution:
    return _solve(cov, k, whitener(cov.xx, ridge), whitener(cov.yy, ridge))


@_compiled
def _predict(cov: Covariance, k: int, ridge: ArrayLike) -> Solution:
    return _solve(cov, k, whitener(cov.xx, ridge), unwhitened(cov.yy))


@_compiled
def _pls(cov: Covariance, k: int) -> Solution:
    return _solve(cov, k, unwhitened(cov.xx), unwhitened(cov.yy))


@_compiled
def _whiten(cov: Covariance, k: int, ridge_x: ArrayLike, ridge_y: ArrayLike) -> Solution:
    return _solve(cov, k, _shrunk_whitener(cov.xx, ridge_x), _shrunk_whitener(cov.yy, ridge_y))


@_compiled
def _joint(cov: Covariance, k: int, lam: ArrayLike, ridge: ArrayLike) -> Solution:
    left, right = whitener(cov.xx, ridge), whitener(cov.yy, ridge)
    both = jnp.concatenate([unwhitened(cov.yy).matrix, jnp.sqrt(lam) * right.matrix])
    solution = _solve(cov, k, left, right._replace(matrix=both))
    head = solution.encoder_x @ cov.xy @ right.matrix.T @ right.matrix
    values = solution.singular_values[: min(cov.xy.shape)]  # the rest is 0: the rank is that of Σxy
    return eqx.tree_at(lambda s: (s.encoder_y, s.singular_values), solution, (head, values))


def _solve(cov: Covariance, k: int, left: Whitener, right: Whitener) -> Solution:
    with jax.default_matmul_precision("highest"):
        u, sigma, vt = jnp.linalg.svd(left.matrix @ cov.xy @ right.matrix.T, full_matrices=False)
        encoder_x, encoder_y = u[:, :k].T @ left.matrix, vt[:k] @ right.matrix
    d_x, d_y = cov.xy.shape
    rank, status = judge(
        sigma,
        k,
        max(d_x, d_y),
        error=2 * (left.error + right.error),
        regular=(left.rank == d_x) & (right.rank == d_y),
        finite=_all_finite(*cov, sigma),
    )
    return Solution(encoder_x, encoder_y, sigma, rank, left.rank, right.rank, status)


def _shrunk_whitener(s: Float[Array, "d d"], ridge: ArrayLike) -> Whitener:
    """Whitener of S + ridge·mean eigenvalue·I, the identity at ridge = ∞; by way of (S + ridge·mean·I)/(1 + ridge)."""
    kept = 1 / (1 + jnp.asarray(ridge, s.dtype))
    mean = jnp.trace(s) / s.shape[0]
    shrunk = whitener(kept * s + (1 - kept) * mean * jnp.eye(s.shape[0], dtype=s.dtype))
    return shrunk._replace(matrix=jnp.sqrt(jnp.where(kept > 0, kept, mean)) * shrunk.matrix)


def _all_finite(*arrays: Array) -> Array:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(array)) for array in arrays]))


def _checked(cov: Covariance, k: int, ridge: ArrayLike, throw: bool) -> Covariance:
    """The blocks as floats."""
    cov = _blocks(cov)
    checks.whole("k", k, 1, min(cov.xy.shape))
    checks.shape("ridge", ridge, ())
    checks.nonnegative(ridge=ridge)
    if throw:
        _check_finite(cov)
        _check_joint(cov)
    return cov


def _blocks(cov: Covariance) -> Covariance:
    """The blocks as floats of one type, of no less than 32 bits; their shapes fit."""
    blocks = [jnp.asarray(block) for block in cov]
    found = jnp.result_type(*blocks)
    if not (jnp.issubdtype(found, jnp.floating) or jnp.issubdtype(found, jnp.integer)):
        raise ValueError(f"covariances hold {found}: real numbers are needed.")
    wide = jnp.issubdtype(found, jnp.floating) and jnp.finfo(found).bits >= 32
    blocks = [jnp.asarray(block, found if wide else float) for block in blocks]
    shapes = [block.shape for block in blocks]
    if blocks[1].ndim != 2 or shapes[0] != (shapes[1][0],) * 2 or shapes[2] != (shapes[1][1],) * 2:
        raise ValueError(f"covariances have shapes xx {shapes[0]}, xy {shapes[1]}, yy {shapes[2]}: they do not fit.")
    return Covariance(*blocks)


def _check_finite(cov: Covariance) -> None:
    for name, block in zip(cov._fields, cov, strict=True):
        checks.finite(f"the covariance block {name}", block)


def _check_joint(cov: Covariance) -> None:
    """No combination of x and y has a negative variance, far beyond rounding: there would be correlations above 1."""
    if not checks.known(cov):
        return
    xx, xy, yy = (np.asarray(block, np.float64) for block in cov)
    variance = np.concatenate([np.diag(xx), np.diag(yy)])
    scale = np.sqrt(np.where(variance > 0, variance, max(variance.max(initial=0), np.finfo(float).tiny)))
    joint = np.block([[xx, xy], [xy.T, yy]]) / scale[:, None] / scale
    least = float(np.linalg.eigvalsh((joint + joint.T) / 2)[0])
    if least < -len(joint) * np.sqrt(jnp.finfo(cov.xx.dtype).eps):
        raise ValueError(
            f"the blocks are no covariance of x and y: the correlation matrix has the eigenvalue {least:.3g}, none is below 0."
        )
