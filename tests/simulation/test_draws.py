"""The draws of phasejax.simulation.draws: the right bits, the right laws, and nothing shared between them.

Statistical checks are in standard errors, with fixed keys: a failure is a defect, not bad luck.
"""

from functools import partial

import jax
import jax.extend.random
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from phasejax.simulation import draws, wishart

KEY = jax.random.key(20)
SIGMAS = 5.0

# Compiled once per shape: operation by operation the same draws would take minutes.
lane_keys = jax.jit(draws.lane_keys)
random_words = jax.jit(draws.random_words, static_argnames=("count", "offset"))
normals = jax.jit(draws.normals, static_argnames=("count", "dtype"))
chi = jax.jit(draws.chi)
bartlett = jax.jit(wishart.bartlett, static_argnames=("d_x", "d_y", "dtype"))


def keys_of(lanes, *, key=KEY, cell=0, first=0):
    return lane_keys(key, np.uint32(cell), first + np.arange(lanes, dtype=np.uint32))


def assert_mean(samples, expected):
    """The mean over the last axis is `expected`, within SIGMAS of its own standard errors."""
    samples = np.asarray(samples, np.float64)
    error = samples.std(-1) / np.sqrt(samples.shape[-1])
    excess = (samples.mean(-1) - expected) / np.maximum(error, 1e-300)
    assert np.abs(excess).max() < SIGMAS, excess


def assert_law(samples, law):
    """The samples follow the scipy law: Kolmogorov and Smirnov, and the first two moments in standard errors."""
    samples = np.asarray(samples, np.float64).ravel()
    assert stats.kstest(samples, law.cdf, method="asymp").pvalue > 1e-5
    assert_mean([samples, (samples - law.mean()) ** 2], [law.mean(), law.var()])


def assert_uncorrelated(a, b):
    """No correlation between two samples, nor between their squares."""
    for x, y in ((a, b), (a**2, b**2)):
        x, y = (np.asarray(v, np.float64).ravel() for v in (x, y))
        assert abs(np.corrcoef(x, y)[0, 1]) < SIGMAS / np.sqrt(x.size)


# Words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "counter", "block"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_known_answers_of_random123(key, counter, block):
    (cell, trial), (k0, k1) = counter, key
    typed = jax.random.wrap_key_data(jnp.array([k0, k1], jnp.uint32))
    lane = lane_keys(typed, np.array([cell], np.uint32), np.array([trial], np.uint32))
    assert tuple(int(word) for word in lane[:, 0]) == block


def test_words_are_those_of_jax():
    keys, stream, blocks = keys_of(3, cell=7), 5, 9
    counter = jnp.concatenate([jnp.arange(blocks, dtype=jnp.uint32), jnp.full(blocks, stream, jnp.uint32)])
    words = random_words(keys, 2 * blocks, stream=stream)
    for lane in range(3):
        theirs = jax.extend.random.threefry_2x32(keys[:, lane], counter)
        np.testing.assert_array_equal(words[:, lane], theirs.reshape(2, blocks).T.ravel())
        root = jax.extend.random.threefry_2x32(jax.random.key_data(KEY), jnp.array([7, lane], jnp.uint32))
        np.testing.assert_array_equal(keys[:, lane], root)


@pytest.mark.parametrize(("offset", "count"), [(0, 1), (0, 7), (1, 1), (3, 5), (4, 3), (5, 0)])
def test_words_are_counted_from_the_offset(offset, count):
    keys = keys_of(4)
    words = random_words(keys, count, offset)
    np.testing.assert_array_equal(words, random_words(keys, 20)[offset : offset + count])


@partial(jax.jit, static_argnames=("dtype", "tile"))
def everything(cell, trial, dtype, tile):
    """Words, and the normals and χ draws of a Bartlett factor, of all lanes in tiles of one size."""

    def draw(indices):
        keys = draws.lane_keys(KEY, *indices)
        return draws.random_words(keys, 9), *wishart.bartlett(keys, 1 + indices[1] % 12, 3, 2, dtype=dtype)

    tiles = jax.lax.map(draw, (cell.reshape(-1, tile), trial.reshape(-1, tile)))
    return [jnp.moveaxis(a, 0, -2).reshape(*a.shape[1:-1], -1) for a in tiles]


def assert_same_draws(one, other, dtype):
    """Equal words; floats equal but for multiplications and additions that the compiler fused in one of the two."""
    np.testing.assert_array_equal(one[0], other[0])
    for a, b in zip(one[1:], other[1:], strict=True):
        np.testing.assert_allclose(a, b, rtol=20 * jnp.finfo(dtype).eps, atol=4 * jnp.finfo(dtype).eps)


def test_draws_do_not_depend_on_tiles_or_neighbours(dtype):
    lanes = 84
    trial = np.arange(lanes, dtype=np.uint32)
    cell = trial // 5
    together = everything(cell, trial, dtype, lanes)
    for tile in (1, 7):
        assert_same_draws(everything(cell, trial, dtype, tile), together, dtype)
    order = np.random.default_rng(0).permutation(lanes)
    assert_same_draws(everything(cell[order], trial[order], dtype, lanes), [a[..., order] for a in together], dtype)


def test_same_key_same_bits_and_any_other_index_other_bits():
    lanes, words = 64, 32
    base = random_words(keys_of(lanes), words)
    np.testing.assert_array_equal(base, random_words(keys_of(lanes), words))
    others = {
        "key": random_words(keys_of(lanes, key=jax.random.key(21)), words),
        "cell": random_words(keys_of(lanes, cell=1), words),
        "trial": random_words(keys_of(lanes, first=1), words),
        "stream": random_words(keys_of(lanes), words, stream=1),
        "word": random_words(keys_of(lanes), words, 1),
    }
    for name, other in others.items():
        flipped = np.bitwise_count(np.asarray(base ^ other)).sum() / (32 * base.size)
        assert abs(flipped - 0.5) < SIGMAS * 0.5 / np.sqrt(32 * base.size), name


def test_each_bit_of_the_words_is_fair():
    words = np.asarray(random_words(keys_of(1 << 14), 16)).ravel()
    bits = (words >> np.arange(32, dtype=np.uint32)[:, None]) & 1
    assert_mean(bits, 0.5)


# Normals ----------------------------------------------------------------------------------------------------------


def test_normals_follow_the_normal_law(dtype):
    z = np.asarray(normals(keys_of(1 << 15), 32, dtype=dtype))
    assert z.dtype == dtype and z.shape == (32, 1 << 15)
    assert_law(z, stats.norm())
    z = z.astype(np.float64).ravel()
    assert_mean([z, z**2, z**3, z**4, z**6], [0, 1, 0, 3, 15])
    for tail in (0.5, 1, 2, 3, 4):
        for count in ((z > tail).sum(), (z < -tail).sum()):
            expected = z.size * stats.norm.sf(tail)
            assert abs(count - expected) < SIGMAS * np.sqrt(expected), tail


def test_normals_come_in_any_number():
    keys = keys_of(5)
    np.testing.assert_array_equal(normals(keys, 8)[:5], normals(keys, 5))


def normals_of_extreme_words(monkeypatch, dtype, half_turns):
    """Normals made from every pair of extreme words, the angle turned by so many half turns."""
    ends = np.array([0, 1, 2**30 - 2, 2**30 - 1])
    extremes = (ends + 2**30 * np.arange(4)[:, None]).ravel()
    radius, angle = (words.ravel() for words in np.meshgrid(extremes, extremes))

    def words(keys, count, *, stream):
        turned = (angle + 2**31 * half_turns) % 2**32
        rows = {2: [radius, turned], 4: [radius, radius, turned, angle]}[count]
        return jnp.asarray(np.array(rows), jnp.uint32)

    with monkeypatch.context() as patch:
        patch.setattr(draws, "random_words", words)
        return np.asarray(draws.normals(keys_of(radius.size), 2, dtype=dtype), np.float64)


def test_extreme_words_give_finite_far_symmetric_normals(dtype, monkeypatch):
    z = normals_of_extreme_words(monkeypatch, dtype, 0)
    assert np.isfinite(z).all()
    low, high = (6.7, 6.8) if dtype == jnp.float32 else (9.4, 9.5)
    assert low < z.max() < high
    np.testing.assert_array_equal(normals_of_extreme_words(monkeypatch, dtype, 1), -z)


def test_logarithm_and_sine_are_accurate_to_rounding(dtype):
    rng = np.random.default_rng(1)
    high = np.concatenate([rng.integers(0, 2**32, 1 << 14, np.uint32), np.arange(100, dtype=np.uint32)])
    low = np.full(high.shape, 0.5) if dtype == jnp.float32 else rng.random(high.size)
    number = (high.astype(dtype) + low.astype(dtype)).astype(np.longdouble)
    log = np.asarray(jax.jit(draws._log_uniform)(high, low.astype(dtype)))
    eps = jnp.finfo(dtype).eps
    np.testing.assert_allclose(log, np.log(number / 2**32), rtol=4 * eps)
    for turn, reference in ((0, np.sin), (2**30, np.cos)):
        wave = np.asarray(jax.jit(draws._sine)(high + np.uint32(turn), low.astype(dtype)))
        angle = 2 * np.longdouble("3.14159265358979323846") * (high + low.astype(np.longdouble)) / 2**32
        np.testing.assert_allclose(wave, reference(angle), rtol=0, atol=3 * eps)


# χ ----------------------------------------------------------------------------------------------------------------

DEGREES = (0.3, 1.0, 1.9, 2.0, 3.0, 7.5, 40.0, 5000.0, 1e6)


def test_chi_follows_its_law(dtype):
    lanes = 1 << 18
    dof = jnp.broadcast_to(jnp.array(DEGREES, dtype)[:, None], (len(DEGREES), lanes))
    values = np.asarray(chi(keys_of(lanes), dof))
    assert values.dtype == dtype
    for degrees, value in zip(DEGREES, values, strict=True):
        assert_law(value, stats.chi(degrees))
        assert_mean(value.astype(np.float64) ** 2, degrees)


def test_remainder_of_the_logarithm_does_not_cancel(dtype, optimised):
    w = np.concatenate([np.geomspace(1e-4, 0.5, 2000), -np.geomspace(1e-4, 0.5, 2000)]).astype(dtype)
    exact = -sum((-1) ** i * w.astype(np.longdouble) ** (4 + i) / (4 + i) for i in range(80))
    error = np.abs(np.asarray(jax.jit(draws._log_remainder)(w)) - exact)
    near, eps = np.abs(w) < 0.09, jnp.finfo(dtype).eps
    # The series stops after one digit per term: what it leaves out shows towards the end of its range.
    assert (error[near] < 200 * eps * np.abs(exact[near])).all()
    assert (error[~near] < 2 * eps * np.abs(w[~near])).all()


@pytest.mark.parametrize("degrees", [1.0, 2.0, 3.0])
def test_as_many_draws_would_notice_wilson_and_hilferty(degrees):
    z = np.asarray(normals(keys_of(1 << 18), 1), np.float64)
    cube_root = 1 - 2 / (9 * degrees) + z * np.sqrt(2 / (9 * degrees))
    with pytest.raises(AssertionError):
        assert_law(np.sqrt(degrees * np.maximum(cube_root, 0) ** 3), stats.chi(degrees))


def test_each_lane_of_chi_has_its_own_degrees(dtype):
    lanes = 1 << 16
    dof = 1 + 99 * (jnp.arange(lanes) % 2).astype(dtype)
    value = chi(keys_of(lanes), dof[None])[0]
    for lane, degrees in ((0, 1), (1, 100)):
        assert_law(value[lane::2], stats.chi(degrees))


def test_chi_at_the_edges_of_its_degrees(dtype):
    dof = jnp.array([[0, -3, jnp.nan, jnp.inf, 1e-30, 1]], dtype)
    value = np.asarray(chi(keys_of(6), dof))[0]
    np.testing.assert_array_equal(value[:5], np.array([0, 0, np.nan, np.inf, 0], dtype))
    assert value[5] > 0


# Bartlett ---------------------------------------------------------------------------------------------------------

D_X, D_Y = 3, 4
P = D_X + D_Y


def whole(factor):
    """The factor R as (L, p, p)."""
    r11, r21, r22 = (np.moveaxis(np.asarray(block, np.float64), -1, 0) for block in factor)
    top = np.concatenate([r11, np.zeros((len(r11), D_X, D_Y))], axis=2)
    return np.concatenate([top, np.concatenate([r21, r22], axis=2)], axis=1)


@pytest.mark.parametrize("n", [1, 4, P - 1, P, 12])
def test_bartlett_gives_the_wishart_moments(dtype, n):
    lanes = 1 << 15
    factor = bartlett(keys_of(lanes), jnp.full(lanes, n), D_X, D_Y, dtype=dtype)
    assert [block.shape for block in factor] == [(D_X, D_X, lanes), (D_Y, D_X, lanes), (D_Y, D_Y, lanes)]
    assert all(block.dtype == dtype for block in factor)
    r = whole(factor)
    w = r @ r.mT
    eye = np.eye(P)
    assert_mean(np.moveaxis(w, 0, -1), n * eye)
    assert_mean(np.moveaxis((w - n * eye) ** 2, 0, -1), n * (1 + eye))
    # The second moment of the matrix sees how entries depend on one another.
    assert_mean(np.moveaxis(w @ w, 0, -1), n * (n + P + 1) * eye)
    trace = np.trace(w, axis1=1, axis2=2)
    assert_law(trace, stats.chi2(n * P))


def test_bartlett_is_triangular_and_of_the_rank_of_its_samples(dtype):
    lanes = 12 * 5
    n = 1 + jnp.arange(lanes) % 12
    r = whole(bartlett(keys_of(lanes), n, D_X, D_Y, dtype=dtype))
    assert (np.triu(r, 1) == 0).all()
    for factor, samples in zip(r, np.asarray(n), strict=True):
        assert (factor[:, samples:] == 0).all()
        assert (np.diag(factor)[:samples] > 0).all()
        assert np.linalg.matrix_rank(factor, tol=1e-6) == min(samples, P)


# Independence -----------------------------------------------------------------------------------------------------


def test_neighbouring_words_lanes_cells_and_keys_are_uncorrelated(dtype):
    lanes, count = 1 << 14, 32
    z = normals(keys_of(lanes), count, dtype=dtype)
    assert_uncorrelated(z[1:], z[:-1])
    assert_uncorrelated(z[2:], z[:-2])
    assert_uncorrelated(z[:, 1:], z[:, :-1])
    assert_uncorrelated(z, normals(keys_of(lanes, cell=1), count, dtype=dtype))
    assert_uncorrelated(z, normals(keys_of(lanes, key=jax.random.key(21)), count, dtype=dtype))
    assert_uncorrelated(z, normals(keys_of(lanes), count, dtype=dtype, stream=1))


def test_chi_and_normals_of_one_lane_are_uncorrelated(dtype):
    lanes, rows = 1 << 15, 8
    keys = keys_of(lanes)
    z = normals(keys, rows, dtype=dtype)
    for degrees in (1, 50):
        value = chi(keys, jnp.full((rows, lanes), degrees, dtype))
        for shift in range(rows):
            assert_uncorrelated(np.roll(z, shift, 0), value - value.mean())
        assert_uncorrelated(value[1:] - value.mean(), value[:-1] - value.mean())


# Refusals ---------------------------------------------------------------------------------------------------------


def test_other_keys_and_types_are_refused():
    with pytest.raises(ValueError, match="threefry"):
        keys_of(1, key=jax.random.key(0, impl="rbg"))
    with pytest.raises(TypeError, match="float32 or float64, not int32"):
        chi(keys_of(1), jnp.ones((1, 1), jnp.int32))
    with jax.enable_x64(False), pytest.raises(TypeError, match="jax_enable_x64"):
        normals(keys_of(1), 1, dtype=jnp.float64)
