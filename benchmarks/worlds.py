"""Pictures a second: the compiled renderer against a plain NumPy one that draws the same sprites one by one, in one run.

Run `python benchmarks/worlds.py`. Rates are a second of processor time, the best of five interleaved calls. Seen on a shared
machine: 51 times as many pictures of 16×16 pixels, 47 of 32×32 (797,000 against 17,000), 31 of 64×64.

Noise is another matter: it is random bits, of which JAX's counter-based generator makes about as many a second as NumPy's, so
that with noise on every pixel the ratio falls to 22–24, 9–10 and 2.5; it is what makes the same key the same pixels.
Twenty times NumPy's 4,900 noisy pictures of 64×64 would leave 2.5 ns a pixel, .9 of which is drawing. A normal number takes
16.8 ns in arrays of 16 MB (NumPy's 10), 5.2 in pieces that stay in the cache, and from 16 bits instead of 32 still .57 of its
time: out of reach for draws of this kind, and other draws would be other pictures than those of the measured tables.
"""

import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from phasejax.worlds import StereoSprites
from phasejax.worlds.world import noisy

N, PLAIN, DEVIATION = 1024, 128, 0.1


def plain(label: int, center: np.ndarray, pixels: int) -> np.ndarray:
    """One sprite, as anyone would write it."""
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
    return np.clip(0.5 - distance * pixels / 2, 0, 1)


def seconds(call: Callable[[], object]) -> float:
    """Of processor time."""
    began = time.process_time()
    jax.block_until_ready(call())
    return time.process_time() - began


def main() -> None:
    rng = np.random.default_rng(0)
    labels, centers = rng.integers(3, size=N), rng.uniform(-0.5, 0.5, (N, 2))
    drawn, keys = (jnp.asarray(labels), jnp.asarray(centers)), jax.random.split(jax.random.key(0), N)
    for size in ("tiny", "small", "published"):
        world = StereoSprites(size=size)

        def one(label, center, key, deviation, world=world):
            picture = world.picture(label, center, 0.0)
            return picture if deviation is None else noisy(picture, deviation, key=key)

        def each(deviation, world=world):
            for label, center in zip(labels[:PLAIN], centers, strict=False):
                picture = plain(label, center, world.pixels)
                if deviation is not None:
                    np.clip(picture + deviation * rng.normal(size=picture.shape), 0, 1)

        compiled = jax.jit(jax.vmap(one, in_axes=(0, 0, 0, None)))
        for what, deviation in (("pictures", None), ("with noise", DEVIATION)):
            jax.block_until_ready(compiled(*drawn, keys, deviation))
            pairs = [(seconds(lambda: compiled(*drawn, keys, deviation)), seconds(lambda: each(deviation))) for _ in range(5)]  # noqa: B023
            ours, theirs = (count / best for count, best in zip((N, PLAIN), np.min(pairs, axis=0), strict=True))
            print(f"{size:10s} {what:10s} compiled {ours:10,.0f}/s   NumPy {theirs:8,.0f}/s   ratio {ours / theirs:.1f}")


if __name__ == "__main__":
    main()
