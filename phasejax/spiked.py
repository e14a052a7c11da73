"""The population: two modalities that share a signal and carry correlated nuisance.

In canonical coordinates every covariance block is diagonal. The first k coordinates of x and y hold the signal,

    x_i = κ_i z_i + √γ^x_i g_i,    y_i = κ_i z_i + √γ^y_i g'_i,

the remaining ones hold nuisance with variances γ̃^x_j, γ̃^y_j and cross-covariance η_j. The ambient coordinates are
rotations of these; no quantity of interest depends on the rotations.
"""

from dataclasses import fields
from typing import TYPE_CHECKING, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from phasejax import checks
from phasejax.checks import Numbers

__all__ = ["CholeskyDiagonals", "Covariance", "SpikedModel", "noise_variance"]


class Covariance(NamedTuple):
    """Covariance triple of a pair of modalities, population or sample.

    `xx` is (d_x, d_x), `xy` is (d_x, d_y), `yy` is (d_y, d_y). Sample covariances divide by n.
    """

    xx: Float[Array, "d_x d_x"]
    xy: Float[Array, "d_x d_y"]
    yy: Float[Array, "d_y d_y"]


class CholeskyDiagonals(NamedTuple):
    """The joint Cholesky factor [[diag a, 0], [diag b, diag c]] in canonical coordinates, by its diagonals.

    `a` is (d_x,), `b` is (min(d_x, d_y),), `c` is (d_y,): x = a·u and y = b·u + c·w for white u and w.
    """

    a: Float[Array, " d_x"]
    b: Float[Array, " d_min"]
    c: Float[Array, " d_y"]


class SpikedModel(eqx.Module):
    """The spiked covariance model of a source x and a target y.

    **Arguments:**

    - `kappa`: (k,) spike strengths κ ≥ 0; the signal variance is κ².
    - `gamma_x`, `gamma_y`: (k,) noise variances on the signal coordinates, ≥ 0, with κ² + γ > 0.
    - `gamma_tilde_x`: (d_x − k,), `gamma_tilde_y`: (d_y − k,) nuisance variances, > 0.
    - `eta`: (min(d_x, d_y) − k,) cross-modal nuisance covariances, 0 ≤ η_j ≤ √(γ̃^x_j γ̃^y_j). The first coordinates are
      paired in order; what the longer side has beyond them is uncorrelated with everything.

    Values are checked where they are known, that is outside `jit` and `vmap`; shapes are always checked.

    **Raises:** `ValueError` naming the field, the value and what is allowed.
    """

    kappa: Float[Array, " k"] = eqx.field(converter=checks.floats)
    gamma_x: Float[Array, " k"] = eqx.field(converter=checks.floats)
    gamma_y: Float[Array, " k"] = eqx.field(converter=checks.floats)
    gamma_tilde_x: Float[Array, " m_x"] = eqx.field(converter=checks.floats)
    gamma_tilde_y: Float[Array, " m_y"] = eqx.field(converter=checks.floats)
    eta: Float[Array, " m"] = eqx.field(converter=checks.floats)

    if TYPE_CHECKING:  # what the converters take, for type checkers that do not read them

        def __init__(
            self,
            kappa: Numbers,
            gamma_x: Numbers,
            gamma_y: Numbers,
            gamma_tilde_x: Numbers,
            gamma_tilde_y: Numbers,
            eta: Numbers,
        ) -> None: ...

    def __check_init__(self):
        _check_shapes(self)
        if checks.known(self):
            _check_values(jax.tree.map(np.asarray, self))  # NumPy: inside jit, jnp would trace even what is known

    @classmethod
    def homogeneous(
        cls,
        *,
        d: int,
        k: int,
        kappa: Numbers,
        gamma_x: Numbers,
        gamma_y: Numbers,
        gamma_tilde_x: Numbers,
        gamma_tilde_y: Numbers,
        nu: Numbers | None = None,
        eta: Numbers | None = None,
        d_y: int | None = None,
    ) -> "SpikedModel":
        """A model whose coordinates of one kind are alike; any argument may also be a full-length vector.

        **Arguments:**

        - `d`: dimension of x, and of y unless `d_y` is given; `k`: number of signal coordinates, 1 ≤ k ≤ min(d, d_y).
        - `kappa`, `gamma_x`, `gamma_y`: scalars or (k,).
        - `gamma_tilde_x`, `gamma_tilde_y`: scalars or (d − k,), (d_y − k,).
        - exactly one of `nu` (correlation, in [0, 1]) and `eta` (covariance, η = ν √(γ̃^x γ̃^y)): scalar or (min(d, d_y) − k,).

        **Raises:** `ValueError` on a bad size, shape or value.
        """
        d_y = d if d_y is None else d_y
        checks.whole("d", d, 1, 10**6)
        checks.whole("d_y", d_y, 1, 10**6)
        checks.whole("k", k, 1, min(d, d_y))
        m = min(d, d_y) - k
        gamma_tilde_x = checks.broadcast("gamma_tilde_x", gamma_tilde_x, (d - k,))
        gamma_tilde_y = checks.broadcast("gamma_tilde_y", gamma_tilde_y, (d_y - k,))
        if nu is not None and eta is None:
            nu = checks.broadcast("nu", nu, (m,))
            checks.entries("nu", nu, lambda v: (v >= 0) & (v <= 1), "in [0, 1]")
            eta = nu * jnp.sqrt(gamma_tilde_x[:m] * gamma_tilde_y[:m])
        elif nu is not None or eta is None:
            raise ValueError("give exactly one of nu (correlation) and eta (covariance).")
        return cls(
            kappa=checks.broadcast("kappa", kappa, (k,)),
            gamma_x=checks.broadcast("gamma_x", gamma_x, (k,)),
            gamma_y=checks.broadcast("gamma_y", gamma_y, (k,)),
            gamma_tilde_x=gamma_tilde_x,
            gamma_tilde_y=gamma_tilde_y,
            eta=checks.broadcast("eta", eta, (m,)),
        )

    @classmethod
    def from_quality(cls, *, k: int, kappa: Numbers, quality_x: Numbers, quality_y: Numbers, **rest) -> "SpikedModel":
        """Like `homogeneous`, with source qualities κ²/(κ²+γ) in (0, 1] in place of the noise variances γ.

        **Raises:** `ValueError` on a quality outside (0, 1], or κ = 0 (a quality says nothing about a signal of variance 0).
        """
        kappa = checks.broadcast("kappa", kappa, (k,))
        quality_x, quality_y = checks.broadcast("quality_x", quality_x, (k,)), checks.broadcast("quality_y", quality_y, (k,))
        checks.entries("kappa", kappa, lambda v: v > 0, "> 0 when qualities are given")
        for name, quality in (("quality_x", quality_x), ("quality_y", quality_y)):
            checks.entries(name, quality, lambda v: (v > 0) & (v <= 1), "in (0, 1]")
        gamma_x, gamma_y = noise_variance(kappa, quality_x), noise_variance(kappa, quality_y)
        return cls.homogeneous(k=k, kappa=kappa, gamma_x=gamma_x, gamma_y=gamma_y, **rest)

    @property
    def k(self) -> int:
        """Number of signal coordinates."""
        return self.kappa.shape[-1]

    @property
    def d_x(self) -> int:
        """Dimension of the source."""
        return self.k + self.gamma_tilde_x.shape[-1]

    @property
    def d_y(self) -> int:
        """Dimension of the target."""
        return self.k + self.gamma_tilde_y.shape[-1]

    @property
    def quality_x(self) -> Float[Array, " k"]:
        """Source quality κ²/(κ²+γ^x), in [0, 1]."""
        return self.kappa**2 / (self.kappa**2 + self.gamma_x)

    @property
    def quality_y(self) -> Float[Array, " k"]:
        """Target quality κ²/(κ²+γ^y), in [0, 1]."""
        return self.kappa**2 / (self.kappa**2 + self.gamma_y)

    @property
    def variance_x(self) -> Float[Array, " d_x"]:
        """Diagonal of Σ_xx in canonical coordinates: κ²+γ^x, then γ̃^x."""
        return jnp.concatenate([self.kappa**2 + self.gamma_x, self.gamma_tilde_x])

    @property
    def variance_y(self) -> Float[Array, " d_y"]:
        """Diagonal of Σ_yy in canonical coordinates: κ²+γ^y, then γ̃^y."""
        return jnp.concatenate([self.kappa**2 + self.gamma_y, self.gamma_tilde_y])

    def swap(self) -> "SpikedModel":
        """The model with source and target exchanged."""
        return SpikedModel(
            kappa=self.kappa,
            gamma_x=self.gamma_y,
            gamma_y=self.gamma_x,
            gamma_tilde_x=self.gamma_tilde_y,
            gamma_tilde_y=self.gamma_tilde_x,
            eta=self.eta,
        )

    def covariance(
        self,
        basis_x: Float[Array, "d_x d_x"] | None = None,
        basis_y: Float[Array, "d_y d_y"] | None = None,
    ) -> Covariance:
        """Population covariances, in canonical coordinates or with x → Q_x x, y → Q_y y for orthogonal bases Q.

        The columns of a basis are the canonical directions in ambient coordinates: its first k columns span the signal.
        """
        xx, yy = jnp.diag(self.variance_x), jnp.diag(self.variance_y)
        cross = jnp.concatenate([self.kappa**2, self.eta])
        xy = jnp.zeros((self.d_x, self.d_y), cross.dtype).at[jnp.diag_indices(cross.size)].set(cross)
        if basis_x is not None:
            xx, xy = basis_x @ xx @ basis_x.T, basis_x @ xy
        if basis_y is not None:
            xy, yy = xy @ basis_y.T, basis_y @ yy @ basis_y.T
        return Covariance(xx, xy, yy)

    def signal_covariance(self) -> Covariance:
        """Population covariances, in canonical coordinates, of x and the noiseless signal in y: (κ z, 0), of dimension d_y."""
        power = self.kappa**2
        yy = jnp.diag(jnp.pad(power, (0, self.d_y - self.k)))
        xy = jnp.zeros((self.d_x, self.d_y), power.dtype).at[jnp.diag_indices(self.k)].set(power)
        return Covariance(jnp.diag(self.variance_x), xy, yy)

    def cholesky(self) -> CholeskyDiagonals:
        """Cholesky factor of the joint covariance of (x, y), source first.

        The conditional variances c² are formed without cancellation:
        γ^y + κ²γ^x/(κ²+γ^x) on signal coordinates, γ̃^y(1−ν)(1+ν) on paired nuisance.
        """
        m = self.eta.shape[-1]
        a = jnp.sqrt(self.variance_x)
        b = jnp.concatenate([self.kappa**2, self.eta]) / a[: self.k + m]
        signal = self.gamma_y + self.kappa**2 * self.gamma_x / (self.kappa**2 + self.gamma_x)
        nu = jnp.minimum(self.eta / jnp.sqrt(self.gamma_tilde_x[:m] * self.gamma_tilde_y[:m]), 1)
        paired = self.gamma_tilde_y[:m] * (1 - nu) * (1 + nu)
        return CholeskyDiagonals(a, b, jnp.sqrt(jnp.concatenate([signal, paired, self.gamma_tilde_y[m:]])))


def noise_variance(kappa: ArrayLike, quality: ArrayLike) -> Array:
    """The γ at which the source quality κ²/(κ²+γ) takes a value in (0, 1]: γ = κ²(1−q)/q."""
    return jnp.square(kappa) * (1 - quality) / quality


def _check_shapes(model: SpikedModel) -> None:
    for field in fields(model):
        if getattr(model, field.name).ndim != 1:
            found = getattr(model, field.name).shape
            raise ValueError(f"{field.name} has shape {found}: a vector is allowed (batches go through vmap).")
    k = model.kappa.size
    m = min(model.gamma_tilde_x.size, model.gamma_tilde_y.size)
    if k < 1:
        raise ValueError("kappa is empty: at least one signal coordinate is needed.")
    for name, size in (("gamma_x", k), ("gamma_y", k), ("eta", m)):
        checks.shape(name, getattr(model, name), (size,))


def _check_values(model: SpikedModel) -> None:
    checks.nonnegative(kappa=model.kappa, gamma_x=model.gamma_x, gamma_y=model.gamma_y)
    most = np.sqrt(np.finfo(model.kappa.dtype).max)
    checks.entries("kappa", model.kappa, lambda v: v <= most, "such that its square is finite")
    power = model.kappa**2
    checks.positive(**{"kappa² + gamma_x": power + model.gamma_x, "kappa² + gamma_y": power + model.gamma_y})
    checks.positive(gamma_tilde_x=model.gamma_tilde_x, gamma_tilde_y=model.gamma_tilde_y)
    m = model.eta.size
    bound = np.sqrt(np.asarray(model.gamma_tilde_x[:m]) * np.asarray(model.gamma_tilde_y[:m]))
    # ν = 1 is a legitimate point, so the bound leaves room for the rounding of η = ν √(γ̃x γ̃y).
    slack = 1 + 8 * np.finfo(bound.dtype).eps
    checks.entries("eta", model.eta, lambda v: (v >= 0) & (v <= bound * slack), "in [0, √(γ̃x γ̃y)], so that ν is in [0, 1]")
