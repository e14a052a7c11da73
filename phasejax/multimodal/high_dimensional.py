"""MAXVAR when the dimension grows with n: what M modalities lose to noise, and where they lose everything.

The sample eigenproblem is the pencil M(z) = Dᵀ(K(z) ⊗ I)D/n of the data D = (X_1, …, X_M), with K = 11ᵀ − zI. As d/n → c its
resolvent becomes block-diagonal in canonical coordinates, G_j = (L ∘ N_j)⁻¹, with one M×M matrix

    L⁻¹ = K⁻¹ + (1/n) Σ_j N_j ∘ G_j,

and signal i stands out at the z where L ∘ R_i becomes singular. The pair (L, z) is followed from n = ∞, where it is the
population's, down to n. The linear response of L decides the rest: the signal stands out as long as it is stable, and it holds
the nuisance energy of each encoder. Derived by a Gaussian deterministic equivalent and checked by simulation; not a proof.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from phasejax import checks
from phasejax.multimodal.graph import complete
from phasejax.multimodal.model import MultimodalModel
from phasejax.multimodal.theory import maxvar_eigenvalues, nuisance_eigenvalues, signal_correlations
from phasejax.recovery import LEVEL
from phasejax.theory.numerics import Scalar, bisect

_STEPS = 12  # from 1/n = 0 to 1/n
_CORRECTIONS = 4  # Newton steps at each


class Prediction(NamedTuple):
    """What n tuples make of each signal under MAXVAR.

    `eigenvalues`: (k,) sample eigenvalues, NaN for a lost signal. `distances`: (M, k), distance 1 − overlap of the signal's
    direction in each modality's encoder, in [0, 1], 1 for a lost signal.
    """

    eigenvalues: Float[Array, " k"]
    distances: Float[Array, "M k"]


@jax.jit
def maxvar_prediction(model: MultimodalModel, n: Scalar) -> Prediction:
    """Expected outcome of MAXVAR on n > 0 zero-mean tuples; the mean of `distances` over signals is a subspace distance.

    A signal counts as lost where it does not exceed all nuisance in the population already.
    """
    h = model.signal_variance[:, :, None] / jnp.where(model.has_nuisance, model.nuisance_variance, jnp.inf)[:, None, :]
    both = model.has_both
    above = maxvar_eigenvalues(model) > jnp.max(nuisance_eigenvalues(model), initial=1)

    def one(eigenvalue, correlation, h_i):
        matrix, z = _follow(model.nuisance, both, correlation, eigenvalue, 1 / n)
        energy, stable = _response(model.nuisance, both, correlation, matrix, 1 / n)
        return z, jnp.sum(h_i * energy.T, axis=1), stable

    z, energy, stable = jax.vmap(one, (0, 0, 1))(maxvar_eigenvalues(model), signal_correlations(model), h)
    seen = above & stable
    energy = jnp.where(seen[:, None], jnp.maximum(energy, 0), 0).T
    return Prediction(jnp.where(seen, z, jnp.nan), jnp.where(seen, energy / (1 + energy), 1))


def maxvar_critical_nu(model: MultimodalModel, n: Scalar, members: Sequence[int], *, level: float = LEVEL) -> Float[Array, ""]:
    """The ν at which MAXVAR's expected distance, averaged over modalities and signals, reaches `level` in (0, 1), for n tuples.

    ν is the correlation of all nuisance coordinates among the members; the model's own nuisance correlations are ignored.
    0 where the distance is above already without nuisance, 1 where no ν < 1 reaches it.
    """
    return _critical_nu(model, checks.single(n), complete(model.modalities, members), level)


@jax.jit
def _critical_nu(model: MultimodalModel, n: Scalar, joined: Array, level: Scalar) -> Array:
    def lost(nu):
        nuisance = jnp.eye(model.modalities)[None] + nu * jnp.where(model.has_both, joined[None], 0)
        correlated = MultimodalModel(model.kappa, model.gamma, model.gamma_tilde, nuisance)
        return jnp.mean(maxvar_prediction(correlated, n).distances) > level

    return bisect(lost, 0.0, 1.0)


def _follow(nuisance: Array, both: Array, correlation: Array, eigenvalue: Array, weight: Scalar) -> tuple[Array, Array]:
    """(L, z) of one signal at 1/n = `weight`, by continuation from 1/n = 0 with Newton's method."""
    size = len(correlation)

    def unpack(state):
        return state[:-1].reshape(size, size), state[-1]

    def equations(state, weight):
        matrix, z = unpack(state)
        bare = jnp.ones((size, size)) - z * jnp.eye(size)
        noise = weight * jnp.sum(jnp.where(both, nuisance * jnp.linalg.inv(matrix[None] * nuisance), 0), axis=0)
        balance = matrix - jnp.linalg.solve(jnp.eye(size) + bare @ noise, bare)
        return jnp.append(balance.ravel(), jnp.linalg.eigvalsh(matrix * correlation)[-1])

    def advance(state, weight):
        def correct(_, state):
            return state - jnp.linalg.solve(jax.jacfwd(equations)(state, weight), equations(state, weight))

        return lax.fori_loop(0, _CORRECTIONS, correct, state), None

    start = jnp.append((jnp.ones((size, size)) - eigenvalue * jnp.eye(size)).ravel(), eigenvalue)
    state, _ = lax.scan(advance, start, weight * jnp.linspace(0, 1, _STEPS + 1)[1:])
    return unpack(state)


def _response(nuisance: Array, both: Array, correlation: Array, matrix: Array, weight: Scalar) -> tuple[Array, Array]:
    """Nuisance energy (m, M) of each modality's encoding relative to its signal energy, and whether the response is stable.

    With v the null vector of L ∘ R_i and T(Z) = (1/n) L (Σ_j N_j ∘ [G_j (Z ∘ N_j) G_j]) L, the response to nuisance is
    Z = (1 − T)⁻¹ L (vvᵀ ∘ R_i) L, and the energies are (1/n) [G_j (Z ∘ N_j) G_j]_mm / v_m².
    """
    size = len(correlation)
    v = jnp.linalg.eigh(matrix * correlation)[1][:, -1]
    resolvents = jnp.linalg.inv(matrix[None] * nuisance)
    nuisance = jnp.where(both, nuisance, 0)

    def leaks(z):
        return weight * resolvents @ (z[None] * nuisance) @ resolvents

    def feedback(flat):
        return (matrix @ jnp.sum(nuisance * leaks(flat.reshape(size, size)), axis=0) @ matrix).ravel()

    gain = jnp.eye(size * size) - jax.jacfwd(feedback)(jnp.zeros(size * size))
    source = matrix @ (jnp.outer(v, v) * correlation) @ matrix
    sources = jnp.stack([source.ravel(), jnp.eye(size).ravel()], axis=1)
    z, total = jnp.linalg.solve(gain, sources).T.reshape(2, size, size)
    # T maps positive definite matrices to such: its spectral radius is below 1 iff (1 − T)⁻¹ does, too.
    stable = jnp.linalg.eigvalsh((total + total.T) / 2)[0] > 0
    return jnp.diagonal(leaks(z), axis1=1, axis2=2) / v[None, :] ** 2, stable
