"""Every objective written down slowly in NumPy: loops over tuples, explicit matrices, nothing of the library."""

from itertools import product

import numpy as np


def embeddings(seed, modalities, size, d, unit=True):
    z = np.random.default_rng([seed, modalities, size, d]).normal(size=(modalities, size, d))
    return z / np.linalg.norm(z, axis=-1, keepdims=True) if unit else z


def ordered_pairs(modalities, anchor=None):
    pairs = [(a, n) for a in range(modalities) for n in range(modalities) if a != n]
    return [p for p in pairs if anchor is None or anchor in p]


def infonce(z, temperature=0.1, anchor=None):
    pairs, total = ordered_pairs(len(z), anchor), 0.0
    for a, n in pairs:
        for i, row in enumerate(z[a]):
            scores = [row @ other / temperature for other in z[n]]
            total += np.log(np.sum(np.exp(scores))) - scores[i]
    return total / len(pairs) / z.shape[1]


def siglip(z, temperature=0.1, bias=-10.0, anchor=None):
    pairs, total = ordered_pairs(len(z), anchor), 0.0
    for a, n in pairs:
        for i, u in enumerate(z[a]):
            for j, v in enumerate(z[n]):
                sign = 1 if i == j else -1
                total += np.log1p(np.exp(-sign * (u @ v / temperature + bias)))
    return total / len(pairs) / z.shape[1]


def vicreg(z, lam_inv=25.0, lam_var=25.0, lam_cov=1.0, epsilon=1e-4):
    pairs, d, total = ordered_pairs(len(z)), z.shape[2], 0.0
    for a, n in pairs:
        total += lam_inv * np.mean((z[a] - z[n]) ** 2)
        for m in (a, n):
            covariance = np.cov(z[m], rowvar=False, ddof=1).reshape(d, d)
            total += lam_var * np.mean([max(0, 1 - np.sqrt(covariance[j, j] + epsilon)) for j in range(d)]) / 2
            total += lam_cov * sum(covariance[j, k] ** 2 for j in range(d) for k in range(d) if j != k) / d
    return total / len(pairs)


def cross_correlation(z, lam=0.005, epsilon=1e-5):
    pairs, d, total = ordered_pairs(len(z)), z.shape[2], 0.0
    for a, n in pairs:
        for j, k in product(range(d), range(d)):
            u, v = z[a, :, j], z[n, :, k]
            var_u = u.var() + epsilon * z[a].var(axis=0).mean()
            var_v = v.var() + epsilon * z[n].var(axis=0).mean()
            c = np.mean((u - u.mean()) * (v - v.mean())) / np.sqrt(var_u * var_v)
            total += (1 - c) ** 2 if j == k else lam * c**2
    return total / len(pairs)


def ridged(x, ridge):
    s = np.cov(x, rowvar=False, ddof=0).reshape(x.shape[1], x.shape[1])
    return s + ridge * np.trace(s) / len(s) * np.eye(len(s))


def inverse_root(s):
    values, vectors = np.linalg.eigh(s)
    return (vectors / np.sqrt(values)) @ vectors.T


def deep_cca(z, ridge=1e-4):
    pairs, total = ordered_pairs(len(z)), 0.0
    for a, n in pairs:
        x, y = z[a] - z[a].mean(axis=0), z[n] - z[n].mean(axis=0)
        t = inverse_root(ridged(x, ridge)) @ (x.T @ y / len(x)) @ inverse_root(ridged(y, ridge))
        total -= np.linalg.svd(t, compute_uv=False).sum()
    return total / len(pairs)


def reconstruction(predicted, target):
    return np.mean([np.sum((t - p) ** 2) for t, p in zip(target, predicted, strict=True)])


def prediction(z, target, source=0, ridge=1e-4):
    """Least squares on rows to which √(n r)·I was added, the textbook form of ridge regression."""
    x, y = z[source] - z[source].mean(axis=0), target - target.mean(axis=0)
    r = ridge * np.mean(np.sum(x**2, axis=1)) / x.shape[1]
    stacked = np.vstack([x, np.sqrt(len(x) * r) * np.eye(x.shape[1])])
    wanted = np.vstack([y, np.zeros((x.shape[1], y.shape[1]))])
    weights = np.linalg.lstsq(stacked, wanted)[0]
    return np.sum((wanted - stacked @ weights) ** 2) / len(x)


def joint(z, target, lam=1.0, source=0, ridge=1e-4):
    x = z[source] - z[source].mean(axis=0)
    u = np.linalg.solve(np.linalg.cholesky(ridged(x, ridge)), x.T).T
    others = [n for n in range(len(z)) if n != source]
    alignment = np.mean([np.sum((u - (z[n] - z[n].mean(axis=0))) ** 2) / len(x) for n in others])
    return prediction(z, target, source, ridge) + lam * alignment


def uniformity(z, bandwidth=0.5, off_diagonal=False):
    values = []
    for rows in z:
        kernel = [
            np.exp(-np.sum((u - v) ** 2) / (2 * bandwidth**2))
            for i, u in enumerate(rows)
            for j, v in enumerate(rows)
            if not (off_diagonal and i == j)
        ]
        values.append(np.log(np.mean(kernel)))
    return np.mean(values)


def anchor_alignment(z, anchor=0):
    others = [n for n in range(len(z)) if n != anchor]
    return np.mean([np.sum((z[anchor, i] - z[n, i]) ** 2) for n in others for i in range(z.shape[1])])


def pairs_alignment(z):
    return np.mean([np.sum((z[a, i] - z[n, i]) ** 2) for a, n in ordered_pairs(len(z)) for i in range(z.shape[1])])


def centroid_uniformity(z, bandwidth=0.5):
    return uniformity(z.mean(axis=0)[None], bandwidth)


def gram_volume(z, epsilon=1e-4):
    return np.mean([np.log(np.linalg.det(z[:, i] @ z[:, i].T + epsilon * np.eye(len(z)))) for i in range(z.shape[1])])


def unialign(z, bandwidth=0.5, lam_uni=1.0, lam_align=2.0, lam_vol=0.0, lam_centroid=0.0, anchor=0, epsilon=1e-4):
    alignment = pairs_alignment(z) if anchor is None else anchor_alignment(z, anchor)
    return (
        lam_uni * uniformity(z, bandwidth)
        + lam_align * alignment
        + lam_vol * gram_volume(z, epsilon)
        + lam_centroid * centroid_uniformity(z, bandwidth)
    )


def volume_contrast(z, temperature=0.1, anchor=0, epsilon=1e-4):
    modalities, size, _ = z.shape
    volume = np.empty((size, size))
    for i, j in product(range(size), range(size)):
        rows = np.stack([z[m, i if m == anchor else j] for m in range(modalities)])
        volume[i, j] = np.sqrt(np.linalg.det(rows @ rows.T + epsilon * np.eye(modalities)))
    scores = np.exp(-volume / temperature)
    own = np.diag(scores)
    return np.mean(-np.log(own / scores.sum(axis=0)) - np.log(own / scores.sum(axis=1))) / 2


def cauchy_schwarz_divergence(x, y, bandwidth=0.5):
    def overlap(u, v):
        return np.mean([np.exp(-np.sum((a - b) ** 2) / (2 * (2 * bandwidth**2))) for a in u for b in v])

    return -np.log(overlap(x, y) ** 2 / (overlap(x, x) * overlap(y, y)))


def infonce_cauchy_schwarz(z, temperature=0.1, bandwidth=0.5, lam=1.0, anchor=None):
    divergences = [cauchy_schwarz_divergence(z[a], z[n], bandwidth) for a, n in ordered_pairs(len(z), anchor)]
    return infonce(z, temperature, anchor) + lam * np.mean(divergences)


def hoelder_divergence(z, bandwidth=0.5):
    """Every product of kernels by the Gaussian integral ∫∏_m N(x; y_m, h²) dx ∝ exp(−(Σ‖y_m‖² − M‖ȳ‖²)/2h²)."""
    modalities, size, _ = z.shape

    def integral(rows):
        total = 0.0
        for indices in product(range(size), repeat=modalities):
            y = np.stack([rows[m][i] for m, i in enumerate(indices)])
            total += np.exp(-(np.sum(y**2) - modalities * np.sum(y.mean(axis=0) ** 2)) / (2 * bandwidth**2))
        return total

    own = np.prod([integral([rows] * modalities) ** (1 / modalities) for rows in z])
    return -np.log(integral(list(z)) / own)


def hoelder_leave_one_out(z, bandwidth=0.5):
    modalities, size, _ = z.shape
    product_integral, own = 0.0, np.zeros(modalities)
    for a, i in product(range(modalities), range(size)):
        p = np.array(
            [
                np.mean([np.exp(-np.sum((z[a, i] - z[m, j]) ** 2) / (2 * bandwidth**2)) for j in range(size) if j != i])
                for m in range(modalities)
            ]
        )
        product_integral += np.prod(p) / p.mean()
        own += p**modalities / p.mean()
    return -np.log(product_integral / np.prod(own ** (1 / modalities)))


def forces(z, temperature=0.1):
    """V, Φ and Φ without j = i."""
    modalities, size, _ = z.shape
    attraction, repulsion, negatives = np.zeros_like(z), np.zeros_like(z), np.zeros_like(z)
    for a, n in ordered_pairs(modalities):
        weight = np.exp(z[a] @ z[n].T / temperature)
        rows, columns = weight / weight.sum(axis=1, keepdims=True), weight / weight.sum(axis=0, keepdims=True)
        for i in range(size):
            attraction[a, i] += z[n, i] / (modalities - 1)
            for j in range(size):
                push = (rows[i, j] + columns[i, j]) / 2 * z[n, j] / (modalities - 1)
                repulsion[a, i] += push
                negatives[a, i] += push * (i != j)
    return attraction, repulsion, negatives
