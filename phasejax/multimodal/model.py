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
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float

from phasejax.multimodal.graph import complete
from phasejax.spiked import SpikedModel


class MultimodalModel(eqx.Module):
    """The spiked covariance model of M ≥ 2 modalities of one dimension d = k + m.

    **Arguments:**

    - `kappa`: (k,) spike strengths κ ≥ 0, shared by all modalities.
    - `gamma`: (M, k) noise variances on the signal coordinates, ≥ 0, with κ² + γ > 0.
    - `gamma_tilde`: (M, m) nuisance variances, > 0.
    - `nuisance`: (m, M, M) correlation matrices N_j of nuisance coordinate j across modalities: symmetric, positive
      semidefinite, unit diagonal.

    Values are checked where they are known, that is outside `jit` and `vmap`; shapes are always checked.

    **Raises:** `ValueError` naming the field, the value and what is allowed.
    """

    kappa: Float[Array, " k"]
    gamma: Float[Array, "M k"]
    gamma_tilde: Float[Array, "M m"]
    nuisance: Float[Array, "m M M"]

    def __init__(self, kappa: ArrayLike, gamma: ArrayLike, gamma_tilde: ArrayLike, nuisance: ArrayLike):
        self.kappa = jnp.asarray(kappa, dtype=float)
        self.gamma = jnp.asarray(gamma, dtype=float)
        self.gamma_tilde = jnp.asarray(gamma_tilde, dtype=float)
        self.nuisance = jnp.asarray(nuisance, dtype=float)

    def __check_init__(self):
        _check_shapes(self)
        if not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(self)):
            _check_values(self)

    @classmethod
    def homogeneous(
        cls,
        *,
        d: int,
        k: int,
        modalities: int,
        kappa: ArrayLike,
        gamma: ArrayLike,
        gamma_tilde: ArrayLike,
        nu: ArrayLike,
        shared_by: int | Sequence[int] | None = None,
    ) -> "MultimodalModel":
        """A model of alike modalities whose nuisance is equicorrelated among some of them and independent in the others.

        **Arguments:**

        - `d`: dimension of every modality; `k`: number of signal coordinates, 1 ≤ k ≤ d; `modalities`: M ≥ 2.
        - `kappa`: scalar or (k,); `gamma`: scalar, (k,) or (M, k); `gamma_tilde`: scalar, (d − k,) or (M, d − k).
        - `nu`: scalar or (d − k,), the correlation in [0, 1] between any two members.
        - `shared_by`: the members that share nuisance: the first S, the indices given, or (default) all modalities.

        **Raises:** `ValueError` on a bad size, shape or value.
        """
        if not 1 <= k <= d:
            raise ValueError(f"k = {k} is not allowed: the number of signal coordinates must satisfy 1 ≤ k ≤ {d}.")
        m = d - k
        nu = _broadcast("nu", nu, (m,))
        if not isinstance(nu, Tracer):
            _check_all("nu", nu, (nu >= 0) & (nu <= 1), "in [0, 1]")
        members = range(shared_by) if isinstance(shared_by, int) else shared_by
        joined = complete(modalities, members)
        return cls(
            kappa=_broadcast("kappa", kappa, (k,)),
            gamma=_broadcast("gamma", gamma, (modalities, k)),
            gamma_tilde=_broadcast("gamma_tilde", gamma_tilde, (modalities, m)),
            nuisance=jnp.eye(modalities) + nu[:, None, None] * joined,
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
    def d(self) -> int:
        """Dimension of every modality."""
        return self.k + self.gamma_tilde.shape[-1]

    @property
    def quality(self) -> Float[Array, "M k"]:
        """κ²/(κ²+γ), the share of signal in a signal coordinate, in [0, 1]."""
        return self.kappa**2 / (self.kappa**2 + self.gamma)

    def coordinate_covariances(self) -> Float[Array, "d M M"]:
        """Covariance of each canonical coordinate across modalities; different coordinates are independent."""
        signal = self.kappa[:, None, None] ** 2 + jax.vmap(jnp.diag)(self.gamma.T)
        scale = jnp.sqrt(self.gamma_tilde.T)
        return jnp.concatenate([signal, scale[:, :, None] * self.nuisance * scale[:, None, :]])

    def covariance(self) -> Float[Array, "M M d d"]:
        """Population covariance blocks Σ_mn = E[x_m x_nᵀ] in canonical coordinates, each of them diagonal."""
        return jax.vmap(jax.vmap(jnp.diag))(jnp.moveaxis(self.coordinate_covariances(), 0, -1))

    def select(self, members: Sequence[int]) -> "MultimodalModel":
        """The model of some of the modalities, in the order given."""
        index = jnp.asarray(members)
        return MultimodalModel(
            self.kappa, self.gamma[index], self.gamma_tilde[index], self.nuisance[:, index[:, None], index[None, :]]
        )

    def pair(self, source: int, target: int) -> SpikedModel:
        """Two modalities as a `SpikedModel`; a negative nuisance correlation counts by its size (y_j → −y_j)."""
        nu = jnp.abs(self.nuisance[:, source, target])
        tilde_x, tilde_y = self.gamma_tilde[source], self.gamma_tilde[target]
        return SpikedModel(
            self.kappa, self.gamma[source], self.gamma[target], tilde_x, tilde_y, nu * jnp.sqrt(tilde_x * tilde_y)
        )


def _broadcast(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Array:
    value = jnp.asarray(value, dtype=float)
    allowed = [shape[i:] for i in range(len(shape), -1, -1)]
    if value.shape not in allowed:
        raise ValueError(f"{name} has shape {value.shape}: a scalar or shape {' or '.join(map(str, allowed[1:]))} is allowed.")
    return jnp.broadcast_to(value, shape)


def _check_shapes(model: MultimodalModel) -> None:
    if model.kappa.ndim != 1 or model.kappa.size < 1:
        raise ValueError(f"kappa has shape {model.kappa.shape}: a vector with at least one signal coordinate is allowed.")
    if model.gamma.ndim != 2 or model.gamma.shape[0] < 2:
        raise ValueError(f"gamma has shape {model.gamma.shape}: one row for each of at least two modalities is allowed.")
    modalities, k = model.gamma.shape[0], model.kappa.size
    if model.gamma_tilde.ndim != 2:
        raise ValueError(f"gamma_tilde has shape {model.gamma_tilde.shape}: one row for each modality is allowed.")
    m = model.gamma_tilde.shape[1]
    for field, shape in (
        ("gamma", (modalities, k)),
        ("gamma_tilde", (modalities, m)),
        ("nuisance", (m, modalities, modalities)),
    ):
        if getattr(model, field).shape != shape:
            raise ValueError(f"{field} has shape {getattr(model, field).shape}: shape {shape} is allowed.")


def _check_values(model: MultimodalModel) -> None:
    model = jax.tree.map(np.asarray, model)  # inside jit, jnp would trace even what is known
    power, correlation = model.kappa**2 + model.gamma, model.nuisance
    _check_all("kappa", model.kappa, model.kappa >= 0, "finite and ≥ 0")
    _check_all("gamma", model.gamma, model.gamma >= 0, "finite and ≥ 0")
    _check_all("kappa² + gamma", power, power > 0, "finite and > 0")
    _check_all("gamma_tilde", model.gamma_tilde, model.gamma_tilde > 0, "finite and > 0")
    _check_all("nuisance", correlation, np.abs(correlation) <= 1 + _slack(model), "a correlation in [−1, 1]")
    for j, matrix in enumerate(np.asarray(correlation)):
        if np.max(np.abs(np.diag(matrix) - 1)) > _slack(model) or np.max(np.abs(matrix - matrix.T)) > _slack(model):
            raise ValueError(f"nuisance[{j}] is not a correlation matrix: it must be symmetric with unit diagonal.")
        smallest = np.linalg.eigvalsh(matrix)[0]
        if smallest < -_slack(model):
            raise ValueError(f"nuisance[{j}] has the eigenvalue {smallest:.3g}: it must be positive semidefinite.")


def _slack(model: MultimodalModel) -> float:
    """Room for rounding: ν = 1 is a legitimate point."""
    return float(8 * model.modalities * np.finfo(model.nuisance.dtype).eps)


def _check_all(name: str, value: ArrayLike, allowed: ArrayLike, description: str) -> None:
    """Raise on the first entry outside the allowed range; NaN is never inside."""
    known = np.asarray(value)
    bad = np.argwhere(~(np.asarray(allowed) & np.isfinite(known)))
    if bad.size:
        index = tuple(map(int, bad[0]))
        raise ValueError(f"{name}{list(index)} = {known[index]:g} is not allowed: {name} must be {description}.")
