"""A sweep as its author wrote it: a TOML file, validated into a `SweepSpec` before anything runs."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from phasejax.objectives import Objective, get
from phasejax.training.task import split

Finite = Annotated[float, Field(allow_inf_nan=False)]

# What may be fixed under [model] or swept under [axes], with the range of its values.
RANGES: dict[str, tuple[float, float]] = {
    "kappa": (0, np.inf),
    "spread": (0, 1),
    "gamma_x": (0, np.inf),
    "gamma_y": (0, np.inf),
    "quality_x": (0, 1),
    "quality_y": (0, 1),
    "gamma_tilde_x": (0, np.inf),
    "gamma_tilde_y": (0, np.inf),
    "nu": (0, 1),
    "eta": (0, np.inf),
    "n": (1, np.inf),
}
_OPEN_AT_ZERO = {"spread", "quality_x", "quality_y", "gamma_tilde_x", "gamma_tilde_y", "learning_rate"}
_ALTERNATIVES = (("gamma_x", "quality_x"), ("gamma_y", "quality_y"), ("nu", "eta"))


class SpecError(ValueError):
    """A mistake in a sweep specification, in one sentence: which field, which value, what is allowed."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(_Strict):
    """`num` points from `start` to `stop`, both included, linearly or logarithmically spaced."""

    start: Finite
    stop: Finite
    num: int = Field(ge=1)
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _logarithms_exist(self) -> Self:
        if self.scale == "log" and min(self.start, self.stop) <= 0:
            raise ValueError("a log scale needs start > 0 and stop > 0")
        return self


# An axis is a list of values or a span; the tag lets an error speak of the form that was meant.
Axis = Annotated[
    Annotated[tuple[Finite, ...], Field(min_length=1), Tag("values")] | Annotated[Span, Tag("span")],
    Discriminator(lambda raw: "values" if isinstance(raw, list | tuple) else "span"),
]
# A fixed parameter is one value for all coordinates or a list with one for each.
Fixed = Annotated[
    Annotated[Finite, Tag("value")] | Annotated[tuple[Finite, ...], Tag("values")],
    Discriminator(lambda raw: "values" if isinstance(raw, list | tuple) else "value"),
]
_TAGS = {"span", "value", "values"}
_PLAINER = {
    "model_type": "give a list of values or a table of start, stop and num",
    "too_short": "at least one is needed",
    "float_parsing": "a number is needed",
    "int_parsing": "a whole number is needed",
    "int_from_float": "a whole number is needed",
    "int_type": "a whole number is needed",
    "float_type": "a number is needed",
}


def points(axis: tuple[float, ...] | Span) -> np.ndarray:
    """The values of an axis as float64, in order."""
    if isinstance(axis, Span):
        space = np.geomspace if axis.scale == "log" else np.linspace
        return space(axis.start, axis.stop, axis.num)
    return np.asarray(axis, dtype=np.float64)


class ModelSpec(_Strict):
    """The fixed part of the spiked model, scalars or full-length lists; what is swept is left out here.

    `spread` makes the spikes unequal, κ_i = κ·spread^(i−1) for i = 1..k, in (0, 1], default 1.
    """

    d: int = Field(ge=1)
    k: int = Field(ge=1)
    d_y: int | None = Field(None, ge=1)
    kappa: Fixed | None = None
    spread: Finite | None = None
    gamma_x: Fixed | None = None
    gamma_y: Fixed | None = None
    quality_x: Fixed | None = None
    quality_y: Fixed | None = None
    gamma_tilde_x: Fixed | None = None
    gamma_tilde_y: Fixed | None = None
    nu: Fixed | None = None
    eta: Fixed | None = None
    n: int | None = None

    @property
    def dimensions(self) -> tuple[int, int]:
        """(d_x, d_y)."""
        return self.d, self.d if self.d_y is None else self.d_y

    def fixed(self) -> dict[str, float | tuple[float, ...]]:
        """Name → value of every fixed parameter."""
        return {name: value for name in RANGES if (value := getattr(self, name)) is not None}


class TrainingSpec(_Strict):
    """Encoders trained in place of the solvers: every trial draws n pairs and trains linear encoders on every objective.

    - `objectives`: label → hyperparameters of an objective of `phasejax.objectives`. The label is its name, or else
      `objective` names it. Hyperparameters that may be arrays may also be axes.
    - `width` ≥ k of the embedding, k by default; `steps`, a multiple of 20; `batch` rows a step, at most n.
    - `learning_rate` > 0 at the first step, unless it is an axis; it falls to 0 along a cosine.
    """

    objectives: dict[str, dict[str, float | int | str]] = Field(min_length=1)
    width: int | None = Field(None, ge=1)
    steps: int = Field(ge=1)
    batch: int = Field(ge=2)
    learning_rate: float | None = Field(None, gt=0, allow_inf_nan=False)

    def hyperparameters(self, label: str) -> tuple[str, dict[str, float | int | str]]:
        """The name of the objective under this label, and the hyperparameters that are fixed."""
        rest = dict(self.objectives[label])
        return str(rest.pop("objective", label)), rest


class SweepSpec(_Strict):
    """A whole sweep: the fixed model, the axes in the order of the result's dimensions, and how much to draw.

    - `trials` ≥ 1 per cell; `seed` of the random draws; `threshold` of squared overlap above which a direction counts as
      recovered (0.8 as published).
    - `hold`: when a γ̃ is swept, whether the nuisance correlation ("nu") or covariance ("eta") stays fixed meanwhile.
    - `training`: train encoders instead of solving for CA and CP.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    description: str = ""
    trials: int = Field(ge=1, le=10**9)
    seed: int = Field(0, ge=0, lt=2**63)
    threshold: float = Field(0.8, gt=0, lt=1)
    hold: Literal["nu", "eta"] | None = None
    model: ModelSpec
    training: TrainingSpec | None = None
    axes: dict[str, Axis] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._check_names()
        self._check_sizes()
        for name, values in self.values().items():
            _check_range(name, values)
        self._check_training()
        for name, axis in self.axes.items():
            if len(np.unique(points(axis))) < len(points(axis)):
                raise ValueError(f"axes.{name} repeats a value: its values label the result and must differ")
        self._check_interplay()
        return self

    def values(self) -> dict[str, np.ndarray]:
        """Name → all values a parameter takes, fixed or swept."""
        fixed = {name: np.atleast_1d(np.asarray(value, dtype=np.float64)) for name, value in self.model.fixed().items()}
        return fixed | {name: points(axis) for name, axis in self.axes.items()}

    def _training_axes(self) -> tuple[str, ...]:
        """What may be swept beside the model: the learning rate, and hyperparameters of the objectives."""
        if self.training is None:
            return ()
        names = {"learning_rate": None}
        for label in self.training.objectives:
            names |= dict.fromkeys(_objective(self.training, label).swept)
        return tuple(names)

    def _check_training(self) -> None:
        training = self.training
        if training is None:
            return
        if self.model.n is None:
            raise ValueError("n cannot be swept where encoders are trained: fix model.n")
        if training.batch > self.model.n:
            raise ValueError(f"training.batch = {training.batch} is not allowed: at most model.n = {self.model.n}")
        if training.width is not None and training.width < self.model.k:
            raise ValueError(f"training.width = {training.width} is not allowed: at least model.k = {self.model.k}")
        if training.steps % 20:
            raise ValueError(f"training.steps = {training.steps} is not allowed: a multiple of 20 is needed")
        if (training.learning_rate is None) == ("learning_rate" not in self.axes):
            raise ValueError("give learning_rate exactly once, under [training] or [axes]")
        for label in training.objectives:
            name, fixed = training.hyperparameters(label)
            for swept in fixed.keys() & self.axes.keys():
                raise ValueError(
                    f"{swept} is both fixed for {label} under [training.objectives] and swept under [axes]: keep one"
                )
            swept = {key: points(self.axes[key]) for key in _objective(training, label).swept if key in self.axes}
            with _named(label):
                split(name, fixed | swept)

    def _check_names(self) -> None:
        fixed = self.model.fixed()
        allowed = (*RANGES, *self._training_axes())
        for name in self.axes:
            if name not in allowed:
                raise ValueError(f"axes.{name} is not a parameter: choose among {', '.join(allowed)}")
            if name in fixed:
                raise ValueError(f"{name} is both fixed under [model] and swept under [axes]: keep one")
        given = set(fixed) | set(self.axes)
        for pair in _ALTERNATIVES:
            if len(given & set(pair)) != 1:
                raise ValueError(f"give exactly one of {pair[0]} and {pair[1]}, under [model] or [axes]")
        for name in ("kappa", "gamma_tilde_x", "gamma_tilde_y", "n"):
            if name not in given:
                raise ValueError(f"{name} is missing: give it under [model] or [axes]")
        moving = [name for name in ("gamma_tilde_x", "gamma_tilde_y") if name in self.axes]
        if moving and self.hold is None:
            raise ValueError(f'{moving[0]} is swept: say what stays fixed meanwhile, hold = "nu" or hold = "eta"')
        if moving and self.hold not in given:
            raise ValueError(f'hold = "{self.hold}" needs {self.hold} under [model] or [axes]')
        if self.hold is not None and not moving:
            raise ValueError(f'hold = "{self.hold}" has no meaning here: neither gamma_tilde_x nor gamma_tilde_y is swept')

    def _check_sizes(self) -> None:
        (d, d_y), k = self.model.dimensions, self.model.k
        if k > min(d, d_y):
            raise ValueError(f"model.k = {k} is not allowed: k ≤ {min(d, d_y)}, the smaller dimension")
        sizes = {"gamma_tilde_x": d - k, "gamma_tilde_y": d_y - k, "nu": min(d, d_y) - k, "eta": min(d, d_y) - k}
        for name, value in self.model.fixed().items():
            size = sizes.get(name, k)
            if isinstance(value, tuple) and (len(value) != size or name == "spread"):
                raise ValueError(f"model.{name} has {len(value)} values: a single value or {size} of them are allowed")
        if isinstance(self.model.kappa, tuple) and "spread" in self.values():
            raise ValueError("spread shapes a single kappa: model.kappa is a list already")

    def _check_interplay(self) -> None:
        values = self.values()
        if np.any(values["n"] != np.round(values["n"])):
            raise ValueError("n must be a whole number at every point of its axis")
        for side in ("x", "y"):
            if f"quality_{side}" in values and values["kappa"].min() == 0:
                raise ValueError(f"kappa = 0 is not allowed together with quality_{side}: a quality needs a signal")
            if f"gamma_{side}" in values and values["kappa"].min() == 0 and values[f"gamma_{side}"].min() == 0:
                raise ValueError(f"kappa = 0 is not allowed together with gamma_{side} = 0: the variance would vanish")
        if "eta" in values:
            bound = np.sqrt(values["gamma_tilde_x"].min() * values["gamma_tilde_y"].min())
            if values["eta"].max() > bound:
                raise ValueError(f"eta = {values['eta'].max():g} is not allowed: η ≤ √(γ̃x γ̃y), which falls to {bound:g}")


@contextmanager
def _named(label: str) -> Iterator[None]:
    """A mistake in an objective is said to be under its label."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"training.objectives.{label}: {str(error).rstrip('.')}") from error


def _objective(training: TrainingSpec, label: str) -> Objective:
    with _named(label):
        return get(training.hyperparameters(label)[0])


def load_spec(path: str | Path) -> SweepSpec:
    """Read and validate a sweep specification.

    **Raises:** `SpecError` with one sentence naming the file, the field, the value and what is allowed.
    """
    path = Path(path)
    try:
        return parse_spec(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: is not TOML: {error}.") from error
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from error


def parse_spec(raw: dict) -> SweepSpec:
    """Validate a specification given as nested dictionaries. **Raises:** `SpecError` as `load_spec` does."""
    try:
        return SweepSpec.model_validate(raw)
    except ValidationError as error:
        raise SpecError(_sentence(error)) from error


def _check_range(name: str, values: np.ndarray) -> None:
    low, high = RANGES.get(name, (0, np.inf) if name == "learning_rate" else (-np.inf, np.inf))
    bad = values[(values < low) | (values > high) | ((values == 0) & (name in _OPEN_AT_ZERO))]
    if bad.size:
        opening = "(" if name in _OPEN_AT_ZERO else "["
        closing = ")" if np.isinf(high) else "]"
        raise ValueError(f"{name} = {bad[0]:g} is not allowed: {name} lies in {opening}{low:g}, {high:g}{closing}")


def _sentence(error: ValidationError) -> str:
    """The first mistake as one sentence; a misspelt field before what its misspelling leaves missing."""
    first = min(error.errors(), key=lambda mistake: mistake["type"] != "extra_forbidden")
    field = ".".join(str(part) for part in first["loc"] if part not in _TAGS)
    if first["type"] == "extra_forbidden":
        return f"{field} is not a known field."
    if first["type"] == "missing":
        return f"{field} is missing."
    message = _PLAINER.get(first["type"], first["msg"]).removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"{field}: {message}." if field else f"{message}."
    return f"{field} = {first['input']!r} is not allowed: {message[0].lower()}{message[1:]}."
