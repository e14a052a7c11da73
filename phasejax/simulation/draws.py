"""Random draws for many Monte-Carlo trials at once: the batch (one trial per lane) is the last axis.

Word j of a trial is a pure function of (key, cell, trial, stream, j): a counter, not a state. Draws therefore do
not depend on how the trials are cut into tiles, nor on the number of devices or processes. For words that is exact. A
compiler may fuse multiply and add for one tile size and not for another, which moves floats in their last places, and
tips the acceptance of a χ draw about once in 10⁷. All is elementwise arithmetic on uint32 words and floats, so that
each step is one vector instruction over the lanes.

The words are those of Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror and Shaw 2011, "Random123"), the block
cipher behind JAX's own keys. From them: normals (Box and Muller 1958) and chi draws (Marsaglia and Tsang 2000), each exact
up to the rounding of the words and of the floats.

`settled` stands where a result has several readers.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike, DTypeLike

from phasejax.simulation.fusion import settled

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_CHI_STREAM = 1 << 31  # streams from here on belong to `chi`; those below are the caller's


def lane_keys(key: Array, cell: ArrayLike, trial: ArrayLike) -> Array:
    """Keys (2, L) uint32 of the lanes, from one typed threefry key and the cell and trial indices (L,).

    One block of the cipher, with the pair (cell, trial) as its counter. Under one key that is a bijection of the 64
    counter bits, so no two pairs share a lane key; and its outputs, used as keys, are as good as independent: it is
    how JAX derives keys, too.
    """
    if str(jax.random.key_impl(key)) != "threefry2x32":
        raise ValueError(f"key must be a threefry2x32 key, not {jax.random.key_impl(key)}")
    cell, trial = jnp.broadcast_arrays(jnp.asarray(cell), jnp.asarray(trial))
    k0, k1 = jax.random.key_data(key)
    return settled(jnp.stack(_threefry(k0, k1, cell.astype(jnp.uint32), trial.astype(jnp.uint32))))


def random_words(keys: Array, count: int, offset: int = 0, *, stream: ArrayLike = 0) -> Array:
    """Words offset … offset + count − 1 of each lane, (count, L) uint32; 0 ≤ j < 2³³.

    Words 2i and 2i + 1 are the block with counter (i, stream). `count` and `offset` are static, `stream` may be traced.
    """
    first, last = offset // 2, (offset + count + 1) // 2
    counter = jnp.arange(first, last, dtype=jnp.uint32)[:, None]
    pairs = _threefry(keys[:1], keys[1:], counter, jnp.asarray(stream, jnp.uint32))
    return settled(_interleave(*pairs)[offset - 2 * first :][:count])


def normals(keys: Array, count: int, *, dtype: DTypeLike = jnp.float32, stream: ArrayLike = 0) -> Array:
    """Standard normals (count, L): finite, symmetric, |z| < 6.8 in float32 (one word each), 9.5 in float64 (two).

    Box and Muller: draws 2i and 2i + 1 are the coordinates of a point at radius √(−2 log u) and a uniform angle.
    One logarithm serves two draws, and of the exact methods tried it is the fastest.
    """
    high, low = _numbers(keys, count + count % 2, checked_dtype(dtype), stream)
    radius = settled(jnp.sqrt(-2 * _log_uniform(high[::2], low[::2])))
    turn, rest = high[1::2], low[1::2]
    quarter = jnp.uint32(1 << 30)
    draws = _interleave(radius * _sine(turn + quarter, rest), radius * _sine(turn, rest))
    return settled(draws[:count])


def chi(keys: Array, dof: Array) -> Array:
    """Draws (r, L) of χ with `dof` (r, L) degrees of freedom, any real number > 0; 0 where dof ≤ 0.

    The dtype is that of `dof`. Marsaglia and Tsang: with d = dof/2 − 1/3 and w = z/√(9d), the value 2d(1 + w)³ is χ²
    if log u ≤ 3d s(w), where s(w) = log(1 + w) − w + w²/2 − w³/3 ≤ 0. All lanes repeat until the last has accepted;
    one that has accepted keeps its value, so it never depends on its neighbours. Where dof < 2 the method needs two
    degrees more, which the factor U^{1/dof} takes away again.
    """
    dtype, rows = checked_dtype(dof.dtype), dof.shape[0]
    d = jnp.where(dof < 2, dof + 2, dof) / 2 - 1 / 3

    def attempt(state):
        stream, value, waiting = state
        w = normals(keys, rows, dtype=dtype, stream=stream) / (3 * jnp.sqrt(d))
        log_u = _log_uniform(*_numbers(keys, rows, dtype, stream + 1))
        log_h = 3 * d * _log_remainder(w)
        # An accepted u is uniform below h whatever w is: u / h is a fresh uniform.
        boost = jnp.where(dof < 2, jnp.exp((log_u - log_h) / dof), 1)
        # Phrased as a refusal, so that an infinite dof, where log_h is NaN, does not wait for ever.
        accepted = waiting & ~((w <= -1) | (log_u > log_h))
        value = jnp.where(accepted, jnp.sqrt(2 * d * (1 + w) ** 3) * boost, value)
        return stream + 2, value, waiting & ~accepted

    start = (jnp.uint32(_CHI_STREAM), jnp.where(dof <= 0, 0, dof), dof > 0)
    return lax.while_loop(lambda state: state[2].any(), attempt, start)[1]


def _threefry(k0: Array, k1: Array, x0: Array, x1: Array) -> tuple[Array, Array]:
    """Threefry-2x32-20: the block with key (k0, k1) and counter (x0, x1), uint32 arrays that broadcast."""
    schedule = (k0, k1, k0 ^ k1 ^ jnp.uint32(_PARITY))
    x0, x1 = x0 + schedule[0], x1 + schedule[1]
    for i in range(5):
        for r in _ROTATIONS[i % 2]:
            x0 = x0 + x1
            x1 = (x1 << jnp.uint32(r) | x1 >> jnp.uint32(32 - r)) ^ x0
        x0, x1 = x0 + schedule[(i + 1) % 3], x1 + schedule[(i + 2) % 3] + jnp.uint32(i + 1)
    return x0, x1


def _interleave(even: Array, odd: Array) -> Array:
    """Rows of two (m, L) arrays in turn, (2m, L)."""
    return jnp.stack([even, odd], axis=1).reshape(-1, even.shape[-1])


def checked_dtype(dtype: DTypeLike) -> np.dtype:
    dtype = jnp.dtype(dtype)
    if dtype not in (jnp.float32, jnp.float64):
        raise TypeError(f"draws are float32 or float64, not {dtype}")
    if dtype != jax.dtypes.canonicalize_dtype(dtype):
        raise TypeError("float64 draws need jax_enable_x64")
    return dtype


def _numbers(keys: Array, count: int, dtype: np.dtype, stream: ArrayLike) -> tuple[Array, Array]:
    """Random numbers high + low in (0, 2³²): words `high` (count, L) and their fractions `low` in (0, 1).

    A float32 holds no more than one word: its fraction is ½, the middle of the step. A float64 takes a second word.
    """
    if dtype == jnp.float32:
        high = random_words(keys, count, stream=stream)
        return high, jnp.full_like(high, 0.5, dtype)
    words = random_words(keys, 2 * count, stream=stream)
    return words[::2], (words[1::2].astype(dtype) + 0.5) * 2.0**-32


def _log_uniform(high: Array, low: Array) -> Array:
    """log u ≤ 0 of the uniform u = (high + low) / 2³² in (0, 1], to rounding (of u, too: near 1 a float32 is coarse).

    With high + low = 2ᵉ m, √½ ≤ m < √2 and t = (m − 1)/(m + 1): log m = 2 (t + t³/3 + t⁵/5 + …), t² < 0.03, where
    each term adds five bits. Shorter than a library logarithm, which must also mind zero, negatives and infinity.
    """
    number = high.astype(low.dtype) + low
    info = jnp.finfo(number.dtype)
    integer = jnp.dtype(f"int{info.bits}")
    bits = lax.bitcast_convert_type(number, integer)
    exponent = (bits - np.asarray(math.sqrt(0.5), number.dtype).view(integer)) >> info.nmant
    m = lax.bitcast_convert_type(bits - (exponent << info.nmant), number.dtype)
    t = (m - 1) / (m + 1)
    series = _polynomial([2 / (2 * i + 1) for i in range(info.nmant // 5 + 1)], t * t)
    return t * series + (exponent - 32).astype(number.dtype) * math.log(2)


def _sine(high: Array, low: Array) -> Array:
    """sin 2πu of u = (high + low) / 2³², to rounding; adding 2³⁰ to `high`, modulo 2³², makes it the cosine."""
    half_turns = lax.bitcast_convert_type(high, jnp.int32)
    # In the outer quarters, where the two top bits differ, reflect x to 1 − x or −1 − x: now |x| ≤ ½.
    outer = (half_turns ^ (half_turns << 1)) < 0
    folded = jnp.where(outer, half_turns ^ jnp.int32(0x7FFFFFFF), half_turns)
    angle = (folded.astype(low.dtype) + jnp.where(outer, 1 - low, low)) * (math.pi * 2.0**-31)
    terms = jnp.finfo(low.dtype).nmant // 5 + 3  # the first left out is below rounding at π/2
    return angle * _polynomial([(-1) ** i / math.factorial(2 * i + 1) for i in range(terms)], angle * angle)


def _log_remainder(w: Array) -> Array:
    """s(w) = log(1 + w) − w + w²/2 − w³/3, to the rounding of w; NaN or −∞ for w ≤ −1.

    The four terms cancel for small w, where it is −w⁴ (1/4 − w/5 + w²/6 − …), one decimal digit per term at |w| = 0.1.
    """
    terms = range(jnp.finfo(w.dtype).precision)
    series = -(w**4) * _polynomial([(-1) ** i / (4 + i) for i in terms], w)
    return jnp.where(jnp.abs(w) < 0.1, series, jnp.log1p(w) - w * (1 - w * (1 / 2 - w / 3)))


def _polynomial(coefficients: list[float], x: Array) -> Array:
    """Σ cᵢ xⁱ by Horner's rule."""
    value = jnp.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        value = value * x + c
    return value
