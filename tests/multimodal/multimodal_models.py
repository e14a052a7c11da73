"""Seeded random models of M modalities, and their covariances written down in NumPy from the generating equations."""

import numpy as np
import scipy.linalg

from phasejax.multimodal import MultimodalModel

# (M, k, d). Few shapes, since each costs compilations.
SHAPES = ((2, 2, 5), (3, 3, 6), (5, 2, 4))


def random_correlations(rng, count, modalities, strength):
    """(count, M, M): off-diagonal entries of a random factor model, of either sign, scaled by `strength` in [0, 1]."""
    loadings = rng.normal(size=(count, modalities, modalities))
    loadings[rng.random((count, modalities)) < 0.3] *= 0.1  # some modalities hardly share
    gram = loadings @ loadings.swapaxes(1, 2)
    scale = np.sqrt(np.diagonal(gram, axis1=1, axis2=2))
    correlation = gram / scale[:, :, None] / scale[:, None, :]
    return (1 - strength) * np.eye(modalities) + strength * correlation


def random_model(seed, shape, strength=None):
    """Everything heterogeneous; without `strength` nuisance is anything from weak to perfect."""
    modalities, k, d = shape
    rng = np.random.default_rng([seed, *shape])
    strength = rng.uniform(0, 1) if strength is None else strength
    return MultimodalModel(
        rng.uniform(0.4, 3, k),
        np.exp(rng.uniform(-3, 2, (modalities, k))),
        np.exp(rng.uniform(-2, 2, (modalities, d - k))),
        random_correlations(rng, d - k, modalities, strength),
    )


def random_graph(rng, modalities):
    """A connected graph with weights: a random tree and some more edges."""
    adjacency = np.triu(rng.uniform(0.2, 2, (modalities, modalities)) * (rng.random((modalities, modalities)) < 0.3), 1)
    for node in range(1, modalities):
        adjacency[rng.integers(node), node] = rng.uniform(0.2, 2)
    return adjacency + adjacency.T


def joint_covariance(model):
    """(M d, M d), modality-major: every coordinate as a row of loadings on independent unit sources."""
    kappa, gamma, tilde = (np.asarray(leaf) for leaf in (model.kappa, model.gamma, model.gamma_tilde))
    modalities, k = gamma.shape
    m = tilde.shape[1]
    z, g, u = np.split(np.eye(k + modalities * k + modalities * m), np.cumsum([k, modalities * k]))
    g, u = g.reshape(modalities, k, -1), u.reshape(m, modalities, -1)
    rows = []
    for number in range(modalities):
        rows += [kappa[i] * z[i] + np.sqrt(gamma[number, i]) * g[number, i] for i in range(k)]
        for j in range(m):
            root = scipy.linalg.sqrtm(np.asarray(model.nuisance[j])).real
            rows.append(np.sqrt(tilde[number, j]) * root[number] @ u[j])
    rows = np.array(rows)
    return rows @ rows.T


def flatten(blocks):
    """(M, M, d, d) blocks as one matrix."""
    blocks = np.asarray(blocks)
    return np.block([[block for block in row] for row in blocks])


def as_blocks(joint, modalities):
    d = len(joint) // modalities
    return np.asarray(joint).reshape(modalities, d, modalities, d).swapaxes(1, 2)


def signal_share(encoder, k):
    """Number of signal directions in the row space, when each row lies on one canonical coordinate: tr(Uᵀ P U)."""
    encoder = np.asarray(encoder)
    return np.trace((np.linalg.pinv(encoder, rcond=1e-6) @ encoder)[:k, :k])
