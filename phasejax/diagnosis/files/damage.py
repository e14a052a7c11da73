"""What readers raise on odd bytes, as one sentence."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phasejax.memory import NotAffordable

_RAISED = ValueError, TypeError, KeyError, AttributeError, IndexError, RuntimeError, EOFError, zlib.error


class BadFile(ValueError):
    """What is wrong with a file, in one sentence."""


@contextmanager
def reading(path: Path, kind: str, *also: type[Exception]) -> Iterator[None]:
    """Whatever a reader raises inside, its own kinds in `also` among it, becomes "PATH is damaged, or no `kind`."

    **Raises:** `BadFile`.
    """
    try:
        yield
    except (BadFile, NotAffordable):
        raise
    except (*_RAISED, *also) as error:
        raise BadFile(f"{path} is damaged, or no {kind}.") from error
