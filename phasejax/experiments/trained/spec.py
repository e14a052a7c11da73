"""The specification of a sweep of trained objectives."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import Field

from phasejax.experiments.spiked.spec import SpikedSpec
from phasejax.objectives import Objective, get
from phasejax.simulation.cell import RIDGES
from phasejax.sweep.spec import Label, Range, Table
from phasejax.training.task import split

LEGS = 20
"""Legs of a training; what is said of its end is the mean over the last one."""


class TrainingTable(Table):
    """Encoders trained in place of the solvers: every trial draws n pairs and trains linear encoders on every objective.

    - `objectives`: label → hyperparameters of an objective of `phasejax.objectives`. The label is its name, or else
      `objective` names it. Hyperparameters that may be arrays may also be axes.
    - `width` ≥ k of the embedding, k by default; `steps`, a multiple of 20; `batch` rows a step, at most n.
    - `learning_rate` > 0 at the first step, unless it is an axis; it falls to 0 along a cosine.
    """

    objectives: dict[Label, dict[str, float | int | str]] = Field(min_length=1)
    width: int | None = Field(None, ge=1)
    steps: int = Field(ge=1)
    batch: int = Field(ge=2)
    learning_rate: float | None = Field(None, gt=0, allow_inf_nan=False)

    def hyperparameters(self, label: str) -> tuple[str, dict[str, float | int | str]]:
        """The name of the objective under this label, and the hyperparameters that are fixed."""
        rest = dict(self.objectives[label])
        return str(rest.pop("objective", label)), rest


class TrainedSpec(SpikedSpec):
    """A sweep over spiked models on whose pairs encoders are trained."""

    training: TrainingTable

    def ranges(self) -> dict[str, Range]:
        """Those of the model, the learning rate, and hyperparameters of the objectives that may be arrays."""
        swept = (_objective(self.training, label).swept for label in self.training.objectives)
        mine = {"learning_rate": Range(0, open=True)} | {name: Range() for names in swept for name in names}
        return super().ranges() | mine

    def check(self) -> None:
        super().check()
        training = self.training
        for name in self.values().keys() & set(RIDGES):
            raise ValueError(f"{name} has no meaning where encoders are trained: it regularises the solvers")
        if self.model.n is None:
            raise ValueError("n cannot be swept where encoders are trained: fix model.n")
        if training.batch > self.model.n:
            raise ValueError(f"training.batch = {training.batch} is not allowed: at most model.n = {self.model.n}")
        if training.width is not None and training.width < self.model.k:
            raise ValueError(f"training.width = {training.width} is not allowed: at least model.k = {self.model.k}")
        if training.steps % LEGS:
            raise ValueError(f"training.steps = {training.steps} is not allowed: a multiple of {LEGS} is needed")
        if (training.learning_rate is None) == ("learning_rate" not in self.axes):
            raise ValueError("give learning_rate exactly once, under [training] or [axes]")
        for label in training.objectives:
            name, fixed = training.hyperparameters(label)
            for swept in fixed.keys() & self.axes.keys():
                raise ValueError(
                    f"{swept} is both fixed for {label} under [training.objectives] and swept under [axes]: keep one"
                )
            swept = {key: self.points(key) for key in _objective(training, label).swept if key in self.axes}
            with _named(label):
                split(name, fixed | swept)


@contextmanager
def _named(label: str) -> Iterator[None]:
    """A mistake in an objective is said to be under its label."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"training.objectives.{label}: {str(error).rstrip('.')}") from error


def _objective(training: TrainingTable, label: str) -> Objective:
    with _named(label):
        return get(training.hyperparameters(label)[0])
