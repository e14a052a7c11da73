"""What an accelerator makes of the kernel: is it right, how fast, and with which settings?

    python benchmarks/accelerator.py [--d 20 64 128 256 512 768 1024] [--barriers]

One trial as in `kernel.py`. Trials a second for each dimension, formulation and number of lanes in flight; `--barriers`
compiles as for a CPU instead, each step a result of its own. What the stages of a trial take at d = 20. Last, the same sweep
on the accelerator and on the host's CPU: the largest difference of a cell's mean distance, and the cells whose counts differ.

One H200, jax 0.11.2, CUDA 13. With barriers 4,164,000 trials a second at d = 20, without 4,412,000 (262,144 lanes); with
barriers 277,900 at d = 64 (32,752 lanes, compiled in 13 s). Stages with barriers, ns a trial: draw 11, bidiagonalise 71,
bisect 7, inverse iteration 90, reflect 19, both matrices together 185, whole 232.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from phasejax import runtime

runtime.prepare()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

jax.config.update("jax_enable_compilation_cache", False)  # compile times are part of the answer
if "--barriers" in sys.argv:  # before anything is traced
    jax.lax.platform_dependent = lambda *arguments, cpu, default: cpu(*arguments)

from kernel import MODEL, K, N, spec  # noqa: E402

from phasejax import SpikedModel  # noqa: E402
from phasejax.experiments.solved.engine import SolvedEngine  # noqa: E402
from phasejax.simulation import singular, trial  # noqa: E402
from phasejax.simulation.draws import lane_keys  # noqa: E402
from phasejax.simulation.rows import compiler_options  # noqa: E402
from phasejax.simulation.statistics import measured  # noqa: E402
from phasejax.simulation.wishart import bartlett  # noqa: E402

CHUNKS = {20: (1 << 16, 1 << 20), 64: (1 << 14,), 128: (1 << 13,)}
"""Numbers of lanes in flight that are tried beside the one that `Layout.plan` takes, for batch_last."""


@dataclass
class Variant:
    """One way to run the sweep, compiled."""

    engine: SolvedEngine
    compile_s: float

    @classmethod
    def of(cls, d: int, formulation: str | None = None, chunk: int | None = None) -> "Variant":
        engine = SolvedEngine(spec(d), precision=32, devices=tuple(jax.local_devices()))
        if formulation is not None:
            engine.formulation = getattr(trial, formulation)
        chunk = chunk or engine.layout.chunk
        rows = len(engine.devices) * max(1, 2 * chunk // engine.layout.trials_per_row)  # two rounds a call
        engine.layout = replace(engine.layout, chunk=chunk, rows=rows)
        began = time.perf_counter()
        engine.program.compile()
        return cls(engine, time.perf_counter() - began)

    def rate(self, seconds: float = 1.0) -> float:
        """Trials a second, the median of three spells."""
        layout = self.engine.layout
        cells = np.arange(layout.rows) % self.engine.grid.size
        run = lambda: jax.block_until_ready(self.engine.call(cells, np.zeros_like(cells)))  # noqa: E731
        run()
        rates = []
        for _ in range(3):
            began, calls = time.perf_counter(), 0
            while time.perf_counter() - began < seconds / 3:
                run()
                calls += 1
            rates.append(calls * layout.rows * layout.trials_per_row / (time.perf_counter() - began))
        return float(np.median(rates))


def differences(d: int, cells: int) -> str:
    """The same small sweep on the accelerator and on the host."""
    small = spec(d, trials=64, points=cells)
    found = []
    for platform in (jax.local_devices(), jax.local_devices(backend="cpu")):
        engine = SolvedEngine(small, precision=32, devices=tuple(platform))
        found.append(measured(engine.start(np.arange(engine.grid.size))()))
    here, there = found
    apart = max(np.max(np.abs(here[name] - there[name])) for name in ("distance_ca", "distance_cp"))
    counts = sum(int(np.sum(here[name] != there[name])) for name in ("count_ca", "count_cp"))
    verdict = "equal" if apart < 1e-5 and counts == 0 else "DIFFERENT"
    failed = int(here["failed_trials"].sum() + there["failed_trials"].sum())
    return f"{d:4} {verdict}: distances within {apart:.1e}, {counts} of {2 * engine.grid.size} counts differ, {failed} failed"


def stages(d: int, chunk: int) -> dict[str, Callable[[Any], Any]]:
    """The stages of a trial, each a function of a number that changes its input."""
    model = SpikedModel.homogeneous(d=d, kappa=1.5, nu=0.5, **MODEL)
    diagonals = jax.tree.map(lambda leaf: jnp.repeat(leaf[:, None], chunk, axis=1), model.cholesky())
    sizes, key = jnp.full(chunk, N, jnp.float32), jax.random.key(0)

    def draw(i):
        return bartlett(lane_keys(key, jnp.full(chunk, i, "uint32"), jnp.arange(chunk, dtype="uint32")), sizes, d, d)

    factor = jax.jit(draw)(jnp.uint32(0))
    matrix = jnp.concatenate([factor.r21, factor.r21], axis=-1)
    bidiagonalise = lambda i: singular._bidiagonalise(matrix + i)  # noqa: E731
    diagonal, superdiagonal, reflectors = (x / np.sqrt(N) for x in jax.jit(bidiagonalise)(jnp.float32(0)))
    sigma = jax.jit(singular._bisect, static_argnums=2)(diagonal, superdiagonal, K)
    z = jax.jit(singular._right_vectors)(diagonal, superdiagonal, sigma)
    return {
        "draw": draw,
        "bidiagonalise": bidiagonalise,
        "bisect": lambda i: singular._bisect(diagonal + i * 1e-3, superdiagonal, K),
        "inverse iteration": lambda i: singular._right_vectors(diagonal + i * 1e-3, superdiagonal, sigma),
        "reflect": lambda i: singular._reflect(reflectors, z + i),
        "factorise": lambda i: singular.top_right_singular_vectors(matrix + i, K),
        "whole": lambda i: trial.batch_last(diagonals, draw(jnp.uint32(i)), sizes, K),
    }


def stage_times(d: int, chunk: int) -> str:
    """Nanoseconds a trial of each stage on one device."""

    def compiled(stage: Callable) -> Any:
        run = jax.jit(lambda: jax.lax.map(lambda i: jax.tree.map(jnp.sum, stage(i)), jnp.arange(4, dtype=jnp.float32)))
        return run.lower().compile(compiler_options(jax.local_devices()[0]))

    def nanoseconds(run: Any) -> float:
        jax.block_until_ready(run())
        times = []
        for _ in range(5):
            began = time.perf_counter()
            jax.block_until_ready(run())
            times.append(time.perf_counter() - began)
        return 1e9 * float(np.median(times)) / (4 * chunk)

    programs = {name: compiled(stage) for name, stage in stages(d, chunk).items()}
    return ", ".join(f"{name} {nanoseconds(run):.1f}" for name, run in programs.items()) + " ns a trial"


def variants(dimensions: list[int], others: bool) -> list[tuple[int, str | None, int | None]]:
    """Dimension, formulation and chunk of each variant; None is what is chosen."""
    wanted: list[tuple[int, str | None, int | None]] = [(d, None, None) for d in dimensions]
    if others:
        wanted += [(d, "batch_last", chunk) for d in dimensions for chunk in CHUNKS.get(d, ())]
        wanted += [(64, "batch_first", None)] * (64 in dimensions)
    return sorted(wanted, key=lambda one: one[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--d", type=int, nargs="+", default=[20, 64, 128, 256, 512, 768, 1024])
    parser.add_argument("--barriers", action="store_true", help="compile as for a CPU")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each timing")
    arguments = parser.parse_args()
    device, barriers = jax.local_devices()[0], arguments.barriers
    print(f"{jax.local_device_count()} × {device.device_kind}, jax {jax.__version__}, barriers {barriers}")
    print(f"{'d':>4} {'formulation':12} {'lanes':>9} {'trials/s':>11} {'compile':>8}", flush=True)
    for d, name, chunk in variants(arguments.d, not barriers):
        try:
            variant = Variant.of(d, name, chunk)
            label, in_flight = variant.engine.method, variant.engine.layout.chunk
            rate = variant.rate(arguments.seconds)
            print(f"{d:4} {label:12} {in_flight:9,} {rate:11,.0f} {variant.compile_s:7.1f}s", flush=True)
        except Exception as error:  # too much for this device: the others still count
            print(f"{d:4} {name or 'chosen':12} {chunk or 0:9,} failed: {str(error).splitlines()[0][:90]}", flush=True)
    if 20 in arguments.d:
        print(f"  20 stages: {stage_times(20, min(1 << 17, Variant.of(20).engine.layout.chunk))}", flush=True)
    for d in () if barriers else arguments.d:
        if d <= 256:
            print(differences(d, 8 if d <= 64 else 3), flush=True)


if __name__ == "__main__":
    main()
