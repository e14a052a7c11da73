"""The population of M modalities that share a signal and carry nuisance, correlated across any of them.

In canonical coordinates modality m holds the signal in its first k coordinates and nuisance in the others,

    x_mi = κ_i z_i + √γ_mi g_mi,    x_mj = √γ̃_mj u_mj,

where (u_1j, …, u_Mj) has the correlation matrix N_j and everything else is independent. Two modalities are a `SpikedModel`.
"""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from phasejax import checks
from phasejax.checks import Numbers
from phasejax.multimodal.graph import complete
from phasejax.spiked import SpikedModel


def _vectors(rows: Array | np.ndarray | Sequence[Numbers]) -> tuple[Array, ...]:
    return tuple(checks.floats(row) for row in rows)


class MultimodalModel(eqx.Module):
    """The spiked covariance model of M ≥ 2 modalities, of dimensions d_m = k + m_m; also a source of training rows.

    **Arguments:**

    - `kappa`: (k,) spike strengths κ ≥ 0, shared by all modalities.
    - `gamma`: (M, k) noise variances on the signal coordinates, ≥ 0, with κ² + γ > 0.
    - `gamma_tilde`: nuisance variances, > 0: a vector (m_m,) for each modality, kept as a tuple.
    - `nuisance`: (m, M, M) correlation matrices N_j of nuisance coordinate j across modalities, m the largest m_m: symmetric,
      positive semidefinite, unit diagonal. A modality that has no coordinate j correlates with none there.

    Values are checked where they are known, that is outside `jit` and `vmap`; shapes are always checked.

    **Raises:** `ValueError` naming the field, the value and what is allowed.
    """

    kappa: Float[Array, " k"] = eqx.field(converter=checks.floats)
    gamma: Float[Array, "M k"] = eqx.field(converter=checks.floats)
    gamma_tilde: tuple[Float[Array, " m_m"], ...] = eqx.field(converter=_vectors)
    nuisance: Float[Array, "m M M"] = eqx.field(converter=checks.floats)

    def __check_init__(self):
        _check_shapes(self)
        if checks.known(self):
            _check_values(jax.tree.map(np.asarray, self))  # NumPy: inside jit, jnp would trace even what is known

    @classmethod
    def homogeneous(
        cls,
        *,
        d: int | Sequence[int],
        k: int,
        modalities: int,
        kappa: Numbers,
        gamma: Numbers,
        gamma_tilde: Numbers,
        nu: Numbers,
        shared_by: int | Sequence[int] | None = None,
    ) -> "MultimodalModel":
        """A model of alike modalities whose nuisance is equicorrelated among some of them and independent in the others.

        **Arguments:**

        - `d`: dimension of every modality, or of each; `k`: number of signal coordinates, 1 ≤ k ≤ d; `modalities`: M ≥ 2.
        - `kappa`: scalar or (k,); `gamma`: scalar, (k,) or (M, k); `gamma_tilde`: scalar, (m,) or (M, m), m = max d − k.
        - `nu`: scalar or (m,), the correlation in [0, 1] between any two members that have the coordinate.
        - `shared_by`: the members that share nuisance: the first S, the indices given, or (default) all modalities.

        **Raises:** `ValueError` on a bad size, shape or value.
        """
        dimensions = [d] * modalities if isinstance(d, int) else list(d)
        if len(dimensions) != modalities:
            raise ValueError(f"d = {d} is not allowed: one number, or one for each of the {modalities} modalities.")
        checks.whole("k", k, 1, min(dimensions))
        m = max(dimensions) - k
        nu = checks.broadcast("nu", nu, (m,))
        checks.entries("nu", nu, lambda v: (v >= 0) & (v <= 1), "in [0, 1]")
        joined = complete(modalities, range(shared_by) if isinstance(shared_by, int) else shared_by)
        tilde = checks.broadcast("gamma_tilde", gamma_tilde, (modalities, m))
        has = (np.arange(m) < np.subtract(dimensions, k)[:, None]).T
        return cls(
            kappa=checks.broadcast("kappa", kappa, (k,)),
            gamma=checks.broadcast("gamma", gamma, (modalities, k)),
            gamma_tilde=tuple(row[: own - k] for row, own in zip(tilde, dimensions, strict=True)),
            nuisance=jnp.eye(modalities)[None] + nu[:, None, None] * jnp.where(has[:, :, None] & has[:, None, :], joined, 0),
        )

    @property
    def modalities(self) -> int:
        """M, the number of modalities."""
        return self.gamma.shape[-2]

    @property
    def k(self) -> int:
        """Number of signal coordinates."""
        return self.kappa.shape[-1]

    @property
    def dimensions(self) -> tuple[int, ...]:
        """d_m = k + m_m of every modality."""
        return tuple(self.k + tilde.shape[-1] for tilde in self.gamma_tilde)

    @property
    def d(self) -> int:
        """The largest dimension."""
        return max(self.dimensions)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The leading axes of models that are stacked."""
        return self.kappa.shape[:-1]

    @property
    def signal_variance(self) -> Float[Array, "M k"]:
        """κ²+γ of each signal coordinate."""
        return self.kappa[..., None, :] ** 2 + self.gamma

    @property
    def quality(self) -> Float[Array, "M k"]:
        """κ²/(κ²+γ), the share of signal in a signal coordinate, in [0, 1]."""
        return self.kappa[..., None, :] ** 2 / self.signal_variance

    @property
    def has_nuisance(self) -> Bool[np.ndarray, "M m"]:
        """Whether a modality has the nuisance coordinate."""
        return np.arange(self.d - self.k) < np.subtract(self.dimensions, self.k)[:, None]

    @property
    def has_both(self) -> Bool[Array, "m M M"]:
        """Whether both of two modalities have the nuisance coordinate."""
        has = self.has_nuisance.T
        return jnp.asarray(has[:, :, None] & has[:, None, :])

    @property
    def nuisance_variance(self) -> Float[Array, "M m"]:
        """γ̃, and 0 where a modality has no such coordinate."""
        return jnp.stack([jnp.pad(tilde, (0, self.d - self.k - tilde.size)) for tilde in self.gamma_tilde])

    def coordinate_covariances(self) -> Float[Array, "d M M"]:
        """Covariance of each canonical coordinate across modalities; different coordinates are independent.

        Where a modality has no such coordinate its row and column are 0.
        """
        signal = self.kappa[:, None, None] ** 2 + jax.vmap(jnp.diag)(self.gamma.T)
        scale = jnp.sqrt(self.nuisance_variance.T)
        return jnp.concatenate([signal, scale[:, :, None] * self.nuisance * scale[:, None, :]])

    def covariance(self) -> Float[Array, "M M d d"]:
        """Population covariance blocks Σ_mn = E[x_m x_nᵀ] in canonical coordinates, each of them diagonal.

        All are filled up with zeros to the largest dimension.
        """
        return jax.vmap(jax.vmap(jnp.diag))(jnp.moveaxis(self.coordinate_covariances(), 0, -1))

    def sample(self, n: int, *, key: Key[Array, ""]) -> tuple[Float[Array, "n d_m"], ...]:
        """n rows of each modality, in canonical coordinates."""
        root = symmetric_roots(self.coordinate_covariances())
        white = jax.random.normal(key, (n, self.d, self.modalities), root.dtype)
        with jax.default_matmul_precision("highest"):
            rows = jnp.einsum("cmq,ncq->mnc", root, white)
        return tuple(row[:, :d] for row, d in zip(rows, self.dimensions, strict=True))

    def select(self, members: Sequence[int]) -> "MultimodalModel":
        """The model of some of the modalities, in the order given."""
        index = np.asarray(members)
        chosen = tuple(self.gamma_tilde[i] for i in index)
        m = max(tilde.size for tilde in chosen)
        return MultimodalModel(self.kappa, self.gamma[index], chosen, self.nuisance[:m, index[:, None], index[None, :]])

    def pair(self, source: int, target: int) -> SpikedModel:
        """Two modalities as a `SpikedModel`; a negative nuisance correlation counts by its size (y_j → −y_j)."""
        tilde_x, tilde_y = self.gamma_tilde[source], self.gamma_tilde[target]
        m = min(tilde_x.size, tilde_y.size)
        eta = jnp.abs(self.nuisance[:m, source, target]) * jnp.sqrt(tilde_x[:m] * tilde_y[:m])
        return SpikedModel(self.kappa, self.gamma[source], self.gamma[target], tilde_x, tilde_y, eta)


def symmetric_roots(matrices: Float[Array, "*c M M"]) -> Float[Array, "*c M M"]:
    """Symmetric square roots of covariances; unlike Cholesky factors they exist at ν = 1, and rows of zeros stay zero."""
    values, vectors = jnp.linalg.eigh(matrices)
    root = (vectors * jnp.sqrt(jnp.maximum(values, 0))[..., None, :]) @ vectors.mT
    variance = jnp.diagonal(matrices, axis1=-2, axis2=-1)
    return jnp.where(variance[..., None] > 0, root, 0)


def _check_shapes(model: MultimodalModel) -> None:
    if model.kappa.ndim != 1 or model.kappa.size < 1:
        raise ValueError(f"kappa has shape {model.kappa.shape}: a vector with at least one signal coordinate is allowed.")
    if model.gamma.ndim != 2 or model.gamma.shape[0] < 2:
        raise ValueError(f"gamma has shape {model.gamma.shape}: one row for each of at least two modalities is allowed.")
    modalities = model.gamma.shape[0]
    checks.shape("gamma", model.gamma, (modalities, model.kappa.size))
    if len(model.gamma_tilde) != modalities or any(tilde.ndim != 1 for tilde in model.gamma_tilde):
        shapes = [tilde.shape for tilde in model.gamma_tilde]
        raise ValueError(f"gamma_tilde has shapes {shapes}: a vector for each of the {modalities} modalities is allowed.")
    checks.shape("nuisance", model.nuisance, (model.d - model.k, modalities, modalities))


def _check_values(model: MultimodalModel) -> None:
    checks.nonnegative(kappa=model.kappa, gamma=model.gamma)
    checks.positive(**{"kappa² + gamma": model.kappa**2 + model.gamma})
    checks.positive(**{f"gamma_tilde[{m}]": tilde for m, tilde in enumerate(model.gamma_tilde)})
    slack = float(8 * model.modalities * np.finfo(model.nuisance.dtype).eps)  # ν = 1 is a legitimate point
    checks.entries("nuisance", model.nuisance, lambda v: np.abs(v) <= 1 + slack, "a correlation in [−1, 1]")
    for j, matrix in enumerate(model.nuisance):
        if np.max(np.abs(np.diag(matrix) - 1)) > slack or np.max(np.abs(matrix - matrix.T)) > slack:
            raise ValueError(f"nuisance[{j}] is not a correlation matrix: it must be symmetric with unit diagonal.")
        smallest = np.linalg.eigvalsh(matrix)[0]
        if smallest < -slack:
            raise ValueError(f"nuisance[{j}] has the eigenvalue {smallest:.3g}: it must be positive semidefinite.")
        without = ~model.has_nuisance[:, j]
        if np.any(np.abs(matrix - np.eye(len(matrix)))[without] > 0):
            first = int(np.argmax(without))
            raise ValueError(f"nuisance[{j}] correlates modality {first}, which has no nuisance coordinate {j}: 0 is allowed.")
