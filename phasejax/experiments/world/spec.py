"""The specification of a sweep over a stereo world."""

from typing import Literal

from pydantic import Field

from phasejax.objectives import get
from phasejax.sweep.spec import Finite, Range, SweepSpec, Table, points

LEGS = 20
KNOBS = ("jitter", "rotation", "noise_x", "noise_y", "position_range")
SUPERVISED = "supervised"
"""The ceiling among the objectives: the x encoder trained on the class."""


class WorldTable(Table):
    """A stereo world, and the networks trained on it.

    - `name`: "sprites" or "solids"; `size`: "tiny", "small" or "published"; knobs of the world that are not axes.
    - `objectives`: label → hyperparameters. A label is an objective's name or `objective` names it; "reconstruction" predicts
      the other view's pixels from `source` 0 (x) or 1 (y); "supervised" is the ceiling.
    - `channels` of the encoder's halvings, its `features`, and the `width` of the projection that alignment sees.
    - `samples` drawn once for each training; `read` pictures apart, half to fit probes on and half to judge them.
    - `steps`, a multiple of 20, of `batch` pairs; `learning_rate` at the first, falling along a cosine.
    """

    name: Literal["sprites", "solids"]
    size: Literal["tiny", "small", "published"] = "small"
    jitter: Finite | None = None
    rotation: Finite | None = None
    noise_x: Finite | None = None
    noise_y: Finite | None = None
    position_range: Finite | None = None
    objectives: dict[str, dict[str, float | int | str]] = Field(min_length=1)
    channels: tuple[int, ...] = (16, 16, 32, 32)
    features: int = Field(64, ge=1)
    width: int = Field(16, ge=1)
    samples: int = Field(4000, ge=2)
    read: int = Field(2000, ge=40)
    steps: int = Field(1000, ge=1)
    batch: int = Field(64, ge=2)
    learning_rate: float = Field(1e-3, gt=0, allow_inf_nan=False)

    def fixed(self) -> dict[str, float]:
        """Name → value of every knob that is given."""
        return {name: value for name in KNOBS if (value := getattr(self, name)) is not None}

    def hyperparameters(self, label: str) -> tuple[str, dict[str, float | int | str]]:
        """The name of the objective under this label, and its hyperparameters."""
        rest = dict(self.objectives[label])
        return str(rest.pop("objective", label)), rest


class WorldSpec(SweepSpec):
    """A sweep over the knobs of a world; `trials` are seeds of pictures and networks."""

    world: WorldTable

    def ranges(self) -> dict[str, Range]:
        return dict.fromkeys(KNOBS, Range(0))

    def values(self):
        return {name: points((value,)) for name, value in self.world.fixed().items()} | super().values()

    def check(self) -> None:
        world = self.world
        for name in world.fixed().keys() & self.axes.keys():
            raise ValueError(f"{name} is both fixed under [world] and swept under [axes]: keep one")
        if world.steps % LEGS:
            raise ValueError(f"world.steps = {world.steps} is not allowed: a multiple of {LEGS} is needed")
        if world.batch > world.samples:
            raise ValueError(f"world.batch = {world.batch} is not allowed: at most world.samples = {world.samples}")
        pixels = {"tiny": 16, "small": 32, "published": 64}[world.size]
        if not world.channels or min(world.channels) < 1 or 2 ** len(world.channels) > pixels:
            raise ValueError(
                f"world.channels = {list(world.channels)} is not allowed: one or more numbers ≥ 1, each halving {pixels} pixels"
            )
        for label in world.objectives:
            name, rest = world.hyperparameters(label)
            try:
                if name == SUPERVISED:
                    if rest:
                        raise ValueError(f"{SUPERVISED!r} has no hyperparameters")
                elif name == "reconstruction":
                    if set(rest) - {"source"} or rest.get("source", 0) not in (0, 1):
                        raise ValueError("'reconstruction' takes source = 0 (from x) or 1 (from y), and nothing else")
                elif "predicted" in get(name).inputs:
                    raise ValueError(f"{name!r} is not trained on worlds: 'reconstruction' predicts")
                else:
                    get(name).check(rest, modalities=2)
            except ValueError as error:
                raise ValueError(f"world.objectives.{label}: {str(error).rstrip('.')}") from error
