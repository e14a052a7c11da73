"""The specification of a sweep over a world of pictures."""

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, Strict

from phasejax.objectives import get
from phasejax.sweep.spec import Finite, Label, Range, SweepSpec, Table, points

LEGS = 20
STEREO: dict[str, Range] = dict.fromkeys(("jitter", "rotation", "noise_x", "noise_y", "position_range"), Range(0))
CAPTIONS: dict[str, Range] = dict.fromkeys(("style_jitter", "word_dropout", "unnamed"), Range(0, 1)) | {"noise": Range(0)}
KNOBS: dict[str, dict[str, Range]] = {"sprites": STEREO, "solids": STEREO, "captions": CAPTIONS}
"""Of each world that a sweep may be over."""
SUPERVISED = "supervised"
"""The ceiling among the objectives: the x encoder trained on the class."""


class Trial(NamedTuple):
    """What an objective's entry asks for: the registered `objective` or "supervised", the modality `source` that predicts, the
    `width` of what the objective sees if it is not the table's, and the rest of its hyperparameters."""

    objective: str
    source: int
    width: int | None
    hyperparameters: dict[str, Any]


class WorldTable(Table):
    """A world of two modalities, and the networks trained on it.

    - `name`: "sprites", "solids" or "captions"; `size`: "tiny", "small" or "published"; its `knobs` that are not axes.
    - `objectives`: label → hyperparameters. A label is an objective's name or `objective` names it; "reconstruction" predicts
      the other modality's rows from `source` 0 (x) or 1 (y), "reconstruction_vicreg" aligns as well; "supervised" is the
      ceiling. `width` replaces the table's for an objective that aligns, and `features` for one that only predicts.
    - `channels` of a picture's halvings, `hidden` units above them, the `features`, and the `width` of the projection that
      alignment sees; `text_size` numbers a word, a multiple of 4, and `text_depth` blocks of a caption's transformer.
    - `samples` drawn once for each training, `held_out` further ones by which the best networks are chosen, and `read` apart
      from both, half to fit probes on and half to judge them.
    - `steps`, a multiple of 20, of `batch` pairs; `learning_rate` at the first, falling along a cosine.
    """

    name: Literal["sprites", "solids", "captions"]
    size: Literal["tiny", "small", "published"] = "small"
    knobs: dict[str, Finite] = Field(default_factory=dict)
    objectives: dict[Label, dict[str, float | int | str]] = Field(min_length=1)
    channels: Annotated[tuple[int, ...], Strict(False)] = (16, 16, 32, 32)
    hidden: int = Field(256, ge=1)
    features: int = Field(64, ge=1)
    width: int = Field(16, ge=1)
    text_size: int = Field(64, ge=4, multiple_of=4)
    text_depth: int = Field(2, ge=1)
    samples: int = Field(4000, ge=2)
    held_out: int = Field(500, ge=2)
    read: int = Field(2000, ge=40)
    steps: int = Field(1000, ge=1)
    batch: int = Field(64, ge=2)
    learning_rate: float = Field(1e-3, gt=0, allow_inf_nan=False)

    def trial(self, label: str) -> Trial:
        """What is trained under this label. **Raises:** `ValueError` on what does not go together."""
        rest = dict(self.objectives[label])
        name, width = str(rest.pop("objective", label)), rest.pop("width", None)
        if name == SUPERVISED:
            if rest or width is not None:
                raise ValueError(f"{SUPERVISED!r} has no hyperparameters")
            return Trial(name, 0, None, {})
        objective = get(name)
        if "predicted" in objective.inputs:
            source = rest.pop("source", 0)
            if source not in (0, 1):
                raise ValueError(f"source = {source!r} is not allowed: it is 0 (x) or 1 (y)")
        elif "target" in objective.inputs:
            raise ValueError(f"{name!r} is not trained on worlds: 'reconstruction' predicts, 'reconstruction_vicreg' does both")
        else:
            source = 0
        if width is not None and not (isinstance(width, int) and width >= 1):
            raise ValueError(f"width = {width!r} is not allowed: a whole number ≥ 1 is")
        objective.check(rest, modalities=2)
        return Trial(name, int(source), width, rest)


class WorldSpec(SweepSpec):
    """A sweep over the knobs of a world; `trials` are seeds of pictures and networks."""

    world: WorldTable

    def ranges(self) -> dict[str, Range]:
        return KNOBS[self.world.name]

    def values(self):
        for name in self.world.knobs.keys() - self.ranges().keys():
            raise ValueError(
                f"world.knobs.{name} is not a knob of {self.world.name!r}: choose among {', '.join(self.ranges())}"
            )
        return {name: points((value,)) for name, value in self.world.knobs.items()} | super().values()

    def check(self) -> None:
        world = self.world
        for name in world.knobs.keys() & self.axes.keys():
            raise ValueError(f"{name} is both fixed under [world.knobs] and swept under [axes]: keep one")
        if world.steps % LEGS:
            raise ValueError(f"world.steps = {world.steps} is not allowed: a multiple of {LEGS} is needed")
        for name in ("samples", "held_out"):
            if world.batch > getattr(world, name):
                raise ValueError(f"world.batch = {world.batch} is not allowed: at most world.{name} = {getattr(world, name)}")
        pixels = {"tiny": 16, "small": 32, "published": 64}[world.size]
        if not world.channels or min(world.channels) < 1 or 2 ** len(world.channels) > pixels:
            raise ValueError(
                f"world.channels = {list(world.channels)} is not allowed: one or more numbers ≥ 1, each halving {pixels} pixels"
            )
        for label in world.objectives:
            try:
                world.trial(label)
            except ValueError as error:
                raise ValueError(f"world.objectives.{label}: {str(error).rstrip('.')}") from error
