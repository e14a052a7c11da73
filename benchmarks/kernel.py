"""Trials per second of the sweep kernel against a plain NumPy loop, by dimension.

    python benchmarks/kernel.py [--d 20 64 128 256 512] [--formulations batch_last batch_first] [--stages] [--ridges]

One trial draws n = 5000 pairs, k = 5, and solves both objectives. The NumPy loop draws the model's latent sources, forms
covariances, whitens by eigh and takes two SVDs, with one BLAS thread. Both run in this process in turn, three times: medians.
Only the ratios mean anything on a shared machine. Typical answer, 2 cores of a Zen 4 (AVX-512), two CPU devices:

    2 × cpu, jax 0.12.0.1, 32 bits
       d formulation    trials/s  NumPy/s   ratio  compile
      20 batch_last      223,906    211.0   1,062     3.8s
      64 batch_last       13,538     61.2     221     8.1s

At d = 64 these are medians of five runs, ratios 212 to 235. From d = 128, trials per second of processor time of one core on a
machine shared with others, and twice their ratio, for two.
`batch_first` is from another run, of which the ratio alone means anything:

       d  batch_first  tridiagonal  NumPy  ratios
     128                    1006.0  25.67  40  78
     256                     207.5   9.09  23  46
     512                      32.1   1.91  16  34

Both cores free, the tridiagonal formulation against NumPy in a run of its own: 70 and 2.0 trials/s at d = 512, a ratio of 36,
26 and 1.0 at 768 (26), 11 and 0.4 at 1024 (25).

Stages of batch_last at d = 20, µs a trial on one device: draw 1.7, factorise both matrices 7.2, whole 10.2.
With ridges on both views the whole takes 1.28 times as long (41 runs in turn, quartiles 1.26 and 1.30), at d = 64 1.52 (15
runs, 1.48 and 1.61) and at d = 128 1.59 (9 runs, 1.56 and 1.64), alone on both cores. That of
d = 64 is 1.58 (three runs) since the plain one shrinks its block six times. Forming two covariances, factorising them
and whitening by them is about 2 d³ multiplications more beside the 4 d³ of the whole.
"""

import argparse
import time
from collections.abc import Mapping
from typing import Any

from phasejax import runtime

runtime.prepare()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

jax.config.update("jax_enable_compilation_cache", False)  # compile times are part of the answer

from phasejax import SpikedModel  # noqa: E402
from phasejax.experiments.solved.engine import SolvedEngine  # noqa: E402
from phasejax.experiments.spiked.spec import SpikedSpec  # noqa: E402
from phasejax.simulation import singular, trial  # noqa: E402
from phasejax.simulation.draws import lane_keys  # noqa: E402
from phasejax.simulation.rows import compiler_options  # noqa: E402
from phasejax.simulation.wishart import bartlett  # noqa: E402

K, N = 5, 5000
MODEL: dict[str, Any] = dict(k=K, gamma_x=1.0, gamma_y=0.05, gamma_tilde_x=1.0, gamma_tilde_y=5.0)


def numpy_rate(d: int, trials: int) -> float:
    """Trials per second of the plain loop."""
    kappa, nu, m = 1.5, 0.5, d - K
    scale_gx, scale_gy, scale_x, scale_y = (np.sqrt(MODEL[f"gamma_{name}"]) for name in ("x", "y", "tilde_x", "tilde_y"))
    rng = np.random.default_rng(0)
    began = time.perf_counter()
    for _ in range(trials):
        z, u = rng.standard_normal((N, K)), rng.standard_normal((N, m))
        x = np.hstack([kappa * z + scale_gx * rng.standard_normal((N, K)), scale_x * u])
        private = np.sqrt(1 - nu**2) * rng.standard_normal((N, m))
        y = np.hstack([kappa * z + scale_gy * rng.standard_normal((N, K)), scale_y * (nu * u + private)])
        xx, xy, yy = x.T @ x / N, x.T @ y / N, y.T @ y / N
        root_x, root_y = inverse_root(xx), inverse_root(yy)
        for matrix in (root_x @ xy @ root_y, root_x @ xy):
            left = np.linalg.svd(matrix)[0]
            basis = np.linalg.qr(root_x @ left[:, :K])[0]
            overlap = np.sum(basis[:K] ** 2, axis=1)
            _ = 1 - overlap.mean(), np.sum(overlap > 0.8)
    return trials / (time.perf_counter() - began)


def inverse_root(s: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(s)
    return vectors / np.sqrt(values) @ vectors.T


def spec(d: int, *, trials: int = 1000, points: int = 31, ridges: Mapping[str, float] | None = None) -> SpikedSpec:
    """So many trials at each cell of a square grid."""
    span = {"start": 0.0, "stop": 1.0, "num": points}
    axes = {"kappa": span | {"stop": 3.0}, "nu": span}
    model = dict(d=d, n=N, **MODEL, **(ridges or {}))
    return SpikedSpec.model_validate(dict(name="kernel", trials=trials, model=model, axes=axes))


class Kernel:
    """The sweep's own compiled call, for one dimension and formulation."""

    def __init__(self, d: int, formulation: str | None, precision: int = 32, **ridges: float):
        self.engine = SolvedEngine(spec(d, ridges=ridges), precision=precision, devices=tuple(jax.local_devices()))
        if formulation:
            self.engine.formulation = getattr(trial, formulation)
        began = time.perf_counter()
        self.engine.compile()
        self.compile_s = time.perf_counter() - began
        layout = self.engine.layout
        self.lanes = layout.rows * layout.trials_per_row
        cells = np.arange(layout.rows) % self.engine.grid.size
        self._call = lambda: jax.block_until_ready(self.engine.call(cells, np.zeros_like(cells)))
        self._call()

    def rate(self, seconds: float = 1.0) -> float:
        """Trials per second over about so many seconds."""
        began, calls = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            self._call()
            calls += 1
        return calls * self.lanes / (time.perf_counter() - began)


def stages(d: int, chunk: int) -> dict[str, float]:
    """Microseconds a trial on one device: the draw, the factorisation of both matrices, the whole."""
    options = compiler_options(jax.devices()[0])
    model = SpikedModel.homogeneous(d=d, kappa=1.5, nu=0.5, **MODEL)
    diagonals = jax.tree.map(lambda leaf: jnp.repeat(leaf[:, None], chunk, axis=1), model.cholesky())
    sizes = jnp.full(chunk, N, jnp.float32)
    count = max(4, 4096 // chunk)
    key = jax.random.key(0)

    def draw(i):
        return bartlett(lane_keys(key, jnp.full(chunk, i, "uint32"), jnp.arange(chunk, dtype="uint32")), sizes, d, d)

    def factorise(i):
        matrix = jnp.concatenate([factor.r21, factor.r21 + i], axis=-1)
        return singular.top_right_singular_vectors(matrix, K)

    def whole(i):
        return trial.batch_last(diagonals, draw(i), sizes, K)

    factor = jax.jit(draw)(0)
    result = {}
    for name, stage in (("draw", draw), ("factorise", factorise), ("whole", whole)):
        run = jax.jit(lambda stage=stage: jax.lax.map(lambda i: jax.tree.map(jnp.sum, stage(i)), jnp.arange(count)))
        compiled = run.lower().compile(options)
        jax.block_until_ready(compiled())
        times = []
        for _ in range(5):
            began = time.perf_counter()
            jax.block_until_ready(compiled())
            times.append(time.perf_counter() - began)
        result[name] = 1e6 * float(np.median(times)) / (count * chunk)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--d", type=int, nargs="+", default=[20, 64, 128, 256, 512])
    parser.add_argument("--formulations", nargs="+", default=["chosen"], help="chosen, batch_last, batch_first, reference")
    parser.add_argument("--precision", type=int, default=32)
    parser.add_argument("--stages", action="store_true", help="also the time of each stage of batch_last, d ≤ 64")
    parser.add_argument("--ridges", action="store_true", help="also how much longer it takes under ridges")
    arguments = parser.parse_args()
    devices = jax.local_devices()
    print(f"{len(devices)} × {devices[0].device_kind}, jax {jax.__version__}, {arguments.precision} bits")
    print(f"{'d':>4} {'formulation':12} {'trials/s':>10} {'NumPy/s':>8} {'ratio':>7} {'compile':>8}")
    for d in arguments.d:
        for name in arguments.formulations:
            kernel = Kernel(d, None if name == "chosen" else name, arguments.precision)
            measured = [(kernel.rate(), numpy_rate(d, max(3, 3200 // (d * d) * 20))) for _ in range(3)]
            fast, plain = np.median(measured, axis=0)
            ratio = np.median([a / b for a, b in measured])
            label = kernel.engine.formulation.__name__
            print(f"{d:4} {label:12} {fast:10,.0f} {plain:8,.1f} {ratio:7,.0f} {kernel.compile_s:7.1f}s", flush=True)
            if arguments.ridges:
                ridged = Kernel(d, None if name == "chosen" else name, arguments.precision, ridge_x=0.1, ridge_y=0.1)
                slower = np.median([kernel.rate() / ridged.rate() for _ in range(3)])
                print(f"     ridges on both views: {slower:.2f} times the time, compile {ridged.compile_s:.1f}s", flush=True)
        if arguments.stages and d <= 64:
            shares = stages(d, Kernel(d, "batch_last").engine.layout.chunk)
            print("     " + ", ".join(f"{name} {value:.2f} µs" for name, value in shares.items()) + " a trial on one device")


if __name__ == "__main__":
    main()
