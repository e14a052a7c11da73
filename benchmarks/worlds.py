"""Pictures a second: the compiled renderer against a plain NumPy one that draws the same sprites one by one, in one run.

Run `python benchmarks/worlds.py`. Pictures with noise, on two cores that many shared (only ratios mean anything): 16 times as
many at 16×16, 5 times at 32×32; the noise is most of the work, and NumPy draws that as fast.
"""

import time

import jax
import numpy as np

from phasejax.worlds import StereoSprites

N = 2048


def plain(label: int, center: np.ndarray, pixels: int, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """One noisy sprite, as anyone would write it."""
    along = (2 * np.arange(pixels) + 1) / pixels - 1
    x, y = np.meshgrid(along - center[0], along - center[1])
    if label == 0:
        a, b = np.abs(x) - 0.31, np.abs(y) - 0.31
        distance = np.hypot(np.maximum(a, 0), np.maximum(b, 0)) + np.minimum(np.maximum(a, b), 0)
    elif label == 1:
        level, slope = np.hypot(x / 0.21, y / 0.42), np.hypot(x / 0.21**2, y / 0.42**2)
        distance = level * (level - 1) / np.maximum(slope, 1e-6)
    else:
        a, b = np.abs(x + y) / np.sqrt(2) - 0.205, np.abs(x - y) / np.sqrt(2) - 0.205
        diamond = np.hypot(np.maximum(a, 0), np.maximum(b, 0)) + np.minimum(np.maximum(a, b), 0)
        distance = np.minimum(diamond, np.hypot(np.abs(x) - 0.145, y + 0.145) - 0.205)
    cover = np.clip(0.5 - distance * pixels / 2, 0, 1)
    return np.clip(cover + deviation * rng.normal(size=cover.shape), 0, 1)


def main() -> None:
    rng = np.random.default_rng(0)
    for size in ("tiny", "small", "published"):
        world = StereoSprites(size=size)
        keys = [jax.random.key(i) for i in range(4)]
        jax.block_until_ready(world.sample(N, key=keys[0]))
        compiled, seconds = [], []
        for key in keys[1:]:
            began = time.perf_counter()
            jax.block_until_ready(world.sample(N, key=key))
            compiled.append(time.perf_counter() - began)
            began = time.perf_counter()
            for _ in range(N // 8):
                plain(int(rng.integers(3)), rng.uniform(-0.5, 0.5, 2), world.pixels, 0.1, rng)
            seconds.append(time.perf_counter() - began)
        ours, theirs = 2 * N / min(compiled), N // 8 / min(seconds)
        print(f"{size:10s} compiled {ours:10,.0f}/s   NumPy {theirs:8,.0f}/s   ratio {ours / theirs:.1f}")


if __name__ == "__main__":
    main()
