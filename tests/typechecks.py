"""How the tests check annotations: by beartype, at every call of the packages that `pyproject.toml` names."""

from collections.abc import Callable
from functools import reduce
from operator import or_
from types import UnionType
from typing import TypeAliasType, Union, get_args, get_origin

import numpy as np
from beartype import BeartypeConf, beartype
from jax import Array
from jaxtyping import AbstractArray

__all__ = ["checked"]

_check = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int is a float as well


def checked[F: Callable](function: F) -> F:
    """The function, raising where an argument or the result is not what its annotation says."""
    function.__annotations__ = {name: _read(hint) for name, hint in function.__annotations__.items()}
    return _check(function)


def _read(hint):
    """A hint as it is meant: NumPy's arrays pass for JAX's, as they do in JAX; a generic NamedTuple holds values of one type.

    Of such a NamedTuple beartype knows nothing yet.
    """
    if isinstance(hint, TypeAliasType):
        return _read(hint.__value__)
    origin, parts = get_origin(hint), tuple(map(_read, get_args(hint)))
    if hint is Array:
        return Array | np.ndarray
    if isinstance(hint, type) and issubclass(hint, AbstractArray) and hint.array_type is Array:
        return hint.dtype[Array | np.ndarray, hint.dim_str]
    if origin in (Union, UnionType):
        return reduce(or_, parts)
    if origin is tuple:
        return tuple[parts]
    if isinstance(origin, type) and issubclass(origin, tuple):
        return tuple[parts * len(origin._fields)]
    return hint
