"""Input checks: what passes, and the one sentence that what does not pass gets."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from phasejax import checks

REFUSED = {
    "entry of a matrix": (
        lambda: checks.nonnegative(a=np.array([[1, 2], [3, -4]])),
        "a[1, 1] = -4 is not allowed: a must be finite and ≥ 0.",
    ),
    "entry of a vector": (
        lambda: checks.positive(a=1, b=[1.0, 0.0]),
        "b[1] = 0 is not allowed: b must be finite and > 0.",
    ),
    "number": (lambda: checks.positive(a=np.nan), "a = nan is not allowed: a must be finite and > 0."),
    "infinity": (lambda: checks.finite("a", [1, np.inf]), "a holds NaN or infinity: finite values are needed."),
    "too large": (lambda: checks.whole("k", 5, 1, 4), "k = 5 is not allowed: k must be a whole number in 1..4."),
    "too small": (lambda: checks.whole("k", np.int32(0), 1), "k = 0 is not allowed: k must be a whole number ≥ 1."),
    "not whole": (lambda: checks.whole("k", 2.5, 1), "k = 2.5 is not allowed: k must be a whole number ≥ 1."),
    "word": (lambda: checks.choice("law", "x", ["a", "b"]), "law = 'x' is not allowed: choose one of a, b."),
    "shape": (lambda: checks.shape("a", np.ones((2, 1)), (2,)), "a has shape (2, 1): shape (2,) is allowed."),
    "rows": (lambda: checks.same_rows([1], [1, 2]), "x has 1 rows and y has 2: pairs need the same number."),
    "stretching": (
        lambda: checks.broadcast("a", [[1], [2]], (2, 3)),
        "a has shape (2, 1): a scalar or shape (3,) or (2, 3) is allowed.",
    ),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_mistake_is_one_sentence(mistake):
    call, sentence = REFUSED[mistake]
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        call()


def test_what_is_allowed_passes():
    checks.positive(a=1, b=jnp.ones(3), c=[1, 2])
    checks.nonnegative(a=0.0, b=np.zeros((2, 2)), c=[])
    checks.finite("a", [[1, 2]])
    checks.whole("k", np.int64(4), 1, 4)
    checks.choice("law", "b", ("a", "b"))
    checks.shape("a", 1.0, ())
    checks.same_rows(np.ones((2, 3)), np.ones((2, 1)))


def test_traced_values_pass_and_their_shapes_do_not():
    jax.jit(lambda a: checks.positive(a=a))(-1.0)
    jax.vmap(lambda a: checks.finite("a", a))(jnp.full(2, jnp.nan))
    with pytest.raises(ValueError, match="a has shape"):
        jax.jit(lambda a: checks.shape("a", a, (3,)))(jnp.ones(2))


@pytest.mark.parametrize(
    ("value", "full"), [(2, (3,)), ([1, 2, 3], (3,)), ([1, 2, 3], (2, 3)), (np.ones((2, 3)), (2, 3)), (1, (0,))]
)
def test_broadcast_is_numpys_where_it_is_allowed(value, full):
    result = checks.broadcast("a", value, full)
    assert result.dtype == jnp.float64
    np.testing.assert_array_equal(result, np.broadcast_to(value, full))
