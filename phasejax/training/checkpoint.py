"""A training's state on disk: one file, replaced whole after each leg, that says which training it belongs to."""

import hashlib
import json
from pathlib import Path

import equinox as eqx
import jax
import numpy as np

from phasejax.training.lanes import by_lane
from phasejax.training.loop import Lane, Loop, Rows, State
from phasejax.whole import whole_file


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be continued or written, in one sentence."""


class Checkpoint:
    """The file of one training: a line of JSON, then the state's leaves."""

    def __init__(self, path: Path, loop: Loop, lanes: Lane, given: Rows):
        self.path = path
        self._loop = loop
        self._identity = _identity(loop, lanes, given)

    def begin(self, resume: bool) -> bool:
        """Whether there is something to continue. **Raises:** `CheckpointError` if there is and `resume` is not set."""
        if self.path.exists() and not resume:
            raise CheckpointError(f"{self.path} exists: continue it with resume=True, or choose another file.")
        return self.path.exists()

    def save(self, legs: int, state: State) -> None:
        """Replace the file by the state after so many legs, whole or not at all."""
        try:
            with whole_file(self.path) as draft, draft.open("wb") as file:
                file.write(json.dumps({"legs": legs, **self._identity}).encode() + b"\n")
                eqx.tree_serialise_leaves(file, jax.device_get(state))
        except OSError as error:
            raise CheckpointError(f"{self.path} cannot be written: {error.strerror or error}.") from error

    def load(self, like: State) -> tuple[int, State]:
        """Legs done and the state after them; `like` has its shapes. A loss of one's own is known by its name only, and the
        transformation of gradients by the shapes of its state.

        **Raises:** `CheckpointError` if the file cannot be read or is another training's, naming what differs.
        """
        try:
            with open(self.path, "rb") as file:
                header = json.loads(file.readline())
                legs = header.pop("legs")
                different = [name for name in self._identity if header.get(name) != self._identity[name]]
                state = None if different else eqx.tree_deserialise_leaves(file, like)
        except (OSError, ValueError, KeyError, AttributeError, RuntimeError) as error:
            raise CheckpointError(f"{self.path} is not a checkpoint.") from error
        if different:
            raise CheckpointError(f"{self.path} belongs to another training: {', '.join(different)} differ.")
        return legs, jax.device_put(state, by_lane(self._loop))


def _identity(loop: Loop, lanes: Lane, given: Rows) -> dict[str, str]:
    """What must agree between the training that was saved and the one that continues it."""
    keys, numbers = lanes.key, (lanes.learning_rate, lanes.parameters, lanes.source, lanes.start)
    name = getattr(loop.loss, "__qualname__", None) or repr(loop.loss)
    fields = ("recipes", "decoder", "rows", "drawn", "held_out", "batch", "patience", "tolerance")
    settings = {field: getattr(loop, field) for field in fields}
    settings |= {"objective": name, "legs and steps": (loop.legs, loop.leg_steps), "metrics": [n for n, _ in loop.metrics]}
    settings |= {"schedule": [np.asarray(loop.schedule(leg * loop.leg_steps)).item() for leg in range(loop.legs)]}
    return {field: str(value) for field, value in settings.items()} | {
        "keys": _digest(jax.random.key_data(keys)),
        "numbers of the lanes": _digest(numbers),
        "data": _digest(given),
    }


def _digest(tree) -> str:
    digest = hashlib.sha256(str(jax.tree.structure(tree)).encode())
    for leaf in jax.tree.leaves(tree):
        array = np.asarray(leaf)
        digest.update(f"{array.shape}{array.dtype}".encode() + array.tobytes())
    return digest.hexdigest()
