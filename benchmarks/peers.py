"""What would a user pick instead of phasejax, and what does it cost?

    python benchmarks/peers.py [trials | fits | trainings]

Each answer compares within this one process, in turn, medians; only ratios carry over to other machines. Packages that are not
installed (cca-zoo, scikit-learn, PyTorch) are left out with a word.

- **trials**: d = 20, k = 5, n = 5000, CA and CP and their distances: a plain NumPy loop; NumPy with an axis of trials, which
  batches its products and its LAPACK calls; the sweep's kernel.
- **fits**: canonical correlation analysis of 1000 rows, d = 20, k = 5, rows to encoders, one by one and a thousand at once.
- **trainings**: 64 linear encoders on InfoNCE, d = 20, width 3, 1000 rows, batch 256: one by one, and all at once.

One H200 and its host's CPU (jax 0.11.2; NumPy and scikit-learn on the CPU, phasejax and PyTorch on the GPU):

    trials a second                                  ratio      fits a second                                 ratio
      NumPy loop                            208.2     1.00        scikit-learn                       40.7     0.03
      NumPy, batched                        188.2     0.90        NumPy                           1,563.2     1.00
      phasejax                        4,412,480.1   21,195        phasejax                          172.5     0.11
    steps a second                                                phasejax, 1000 at once          388,017.3   248.22
      phasejax, one by one                6,257.5    14.55
      phasejax, 64 at once              381,324.6   886.43
      PyTorch, one by one                   430.2     1.00
      PyTorch, 64 at once                26,421.8    61.42
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

from phasejax import runtime

runtime.prepare()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from kernel import MODEL, K, Kernel, N, numpy_rate  # noqa: E402

from phasejax.sampling import covariance_of  # noqa: E402
from phasejax.solvers import align  # noqa: E402
from phasejax.training import Linear, train  # noqa: E402

D = 20


def vectorised_rate(trials: int, batch: int = 25) -> float:
    """Trials per second of NumPy with an axis of trials."""
    kappa, nu, m = 1.5, 0.5, D - K
    scale_gx, scale_gy, scale_x, scale_y = (np.sqrt(MODEL[f"gamma_{name}"]) for name in ("x", "y", "tilde_x", "tilde_y"))
    rng = np.random.default_rng(0)
    normal = lambda width: rng.standard_normal((batch, N, width))  # noqa: E731
    began = time.perf_counter()
    for _ in range(0, trials, batch):
        z, u = normal(K), normal(m)
        x = np.concatenate([kappa * z + scale_gx * normal(K), scale_x * u], axis=2)
        y = np.concatenate([kappa * z + scale_gy * normal(K), scale_y * (nu * u + np.sqrt(1 - nu**2) * normal(m))], axis=2)
        xt = x.swapaxes(1, 2)
        xx, xy, yy = xt @ x / N, xt @ y / N, y.swapaxes(1, 2) @ y / N
        roots = [
            vectors / np.sqrt(values)[:, None] @ vectors.swapaxes(1, 2) for values, vectors in map(np.linalg.eigh, (xx, yy))
        ]
        for matrix in (roots[0] @ xy @ roots[1], roots[0] @ xy):
            basis = np.linalg.qr(roots[0] @ np.linalg.svd(matrix)[0][..., :K])[0]
            overlap = np.sum(basis[:, :K] ** 2, axis=2)
            _ = 1 - overlap.mean(axis=1), np.sum(overlap > 0.8, axis=1)
    return trials / (time.perf_counter() - began)


def trials() -> None:
    """Trials per second of each way."""
    kernel = Kernel(D, None)
    ways = {"NumPy loop": lambda: numpy_rate(D, 100), "NumPy, batched": lambda: vectorised_rate(100), "phasejax": kernel.rate}
    table("trials a second", measure(ways), of="NumPy loop")


def fits() -> None:
    """Milliseconds of one fit and of a thousand."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1000, 1000, D))
    y = rng.standard_normal((1000, 1000, D))
    y[..., :K] += x[..., :K]

    def ours(x, y):
        return align(covariance_of(x, y, center=True), K).encoder_x

    many = jax.jit(jax.vmap(ours))
    in_jax = [jnp.asarray(rows, jnp.float32) for rows in (x, y)]
    ways: dict[str, Callable[[int], Any]] = {}
    try:
        from cca_zoo.linear import CCA as Zoo  # pyright: ignore[reportMissingImports]

        ways["cca-zoo"] = lambda i: Zoo(n_components=K).fit([x[i], y[i]])
    except ImportError:
        print("cca-zoo is not installed")
    try:
        from sklearn.cross_decomposition import CCA

        ways["scikit-learn"] = lambda i: CCA(K).fit(x[i], y[i])
    except ImportError:
        print("scikit-learn is not installed")
    ways["NumPy"] = lambda i: numpy_fit(x[i], y[i])
    ways["phasejax"] = lambda i: jax.block_until_ready(ours(in_jax[0][i], in_jax[1][i]))

    def rate(way: Callable[[int], Any]) -> float:
        way(0)
        began = time.perf_counter()
        for i in range(20):
            way(i)
        return 20 / (time.perf_counter() - began)

    def rate_of_many() -> float:
        jax.block_until_ready(many(*in_jax))
        began = time.perf_counter()
        jax.block_until_ready(many(*in_jax))
        return 1000 / (time.perf_counter() - began)

    rates = measure({name: lambda way=way: rate(way) for name, way in ways.items()} | {"phasejax, 1000 at once": rate_of_many})
    table("fits a second", rates, of="NumPy")


def numpy_fit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    roots = []
    for rows in (x, y):
        values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
        roots.append(vectors / np.sqrt(values) @ vectors.T)
    return np.linalg.svd(roots[0] @ (x.T @ y / len(x)) @ roots[1])[0][:, :K].T @ roots[0]


def trainings(count: int = 64, steps: int = 200, width: int = 3, rows: int = 1000, batch: int = 256) -> None:
    """Steps a second, all trainings together, compilation apart."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, D)).astype(np.float32)
    y = rng.standard_normal((rows, D)).astype(np.float32)
    y[:, :width] += x[:, :width]
    views = (jnp.asarray(x), jnp.asarray(y))

    def ours(lanes: int) -> float:
        keys = jax.random.split(jax.random.key(0), lanes)
        began = time.perf_counter()
        trained = train("infonce", views, key=keys, encoder=Linear(width), steps=steps, batch=batch, legs=4)
        jax.block_until_ready(trained.loss)
        return lanes * steps / (time.perf_counter() - began)

    for lanes in (1, count):  # compile
        ours(lanes)
    ways = {"phasejax, one by one": lambda: ours(1), f"phasejax, {count} at once": lambda: ours(count)}
    try:
        import torch  # pyright: ignore[reportMissingImports]
    except ImportError:
        print("PyTorch is not installed")
        return table("steps a second", measure(ways), of="phasejax, one by one")

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(runtime.cores())

    def theirs(lanes: int, steps: int) -> float:
        generator = torch.Generator(device).manual_seed(0)
        there = [torch.tensor(view, device=device) for view in (x, y)]
        weights = [torch.randn(lanes, D, width, device=device, requires_grad=True) for _ in there]
        optimiser = torch.optim.Adam(weights, lr=0.01)
        own = torch.arange(batch, device=device).expand(lanes, batch)
        began = time.perf_counter()
        for _ in range(steps):
            chosen = torch.randint(rows, (lanes, batch), generator=generator, device=device)
            z = [torch.nn.functional.normalize(view[chosen] @ w, dim=2) for view, w in zip(there, weights, strict=True)]
            logits = z[0] @ z[1].transpose(1, 2) / 0.1
            both = [torch.nn.functional.cross_entropy(t, own, reduction="sum") for t in (logits, logits.transpose(1, 2))]
            optimiser.zero_grad()
            (torch.stack(both).sum() / (2 * batch)).backward()
            optimiser.step()
        if device == "cuda":
            torch.cuda.synchronize()
        return lanes * steps / (time.perf_counter() - began)

    ways |= {"PyTorch, one by one": lambda: theirs(1, steps), f"PyTorch, {count} at once": lambda: theirs(count, 20)}
    table(f"steps a second, PyTorch on {device}", measure(ways), of="PyTorch, one by one")


def measure(ways: dict[str, Callable[[], float]], rounds: int = 3) -> dict[str, float]:
    """The median rate of each way, all of them in turn."""
    rates = [{name: way() for name, way in ways.items()} for _ in range(rounds)]
    return {name: float(np.median([found[name] for found in rates])) for name in ways}


def table(title: str, rates: dict[str, float], of: str) -> None:
    """Print rates, and their ratios to one of them."""
    print(f"{title:32} {'':>12} {'ratio':>8}")
    for name, rate in rates.items():
        print(f"  {name:30} {rate:12,.1f} {rate / rates[of]:8,.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="trials, fits, trainings; all by default")
    sections = {"trials": trials, "fits": fits, "trainings": trainings}
    chosen = parser.parse_args().what or list(sections)
    device = jax.local_devices()[0]
    print(f"{jax.local_device_count()} × {device.device_kind}, jax {jax.__version__}")
    for what in chosen:
        sections[what]()


if __name__ == "__main__":
    main()
