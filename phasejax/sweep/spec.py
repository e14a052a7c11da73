"""A sweep as its author wrote it: a TOML file, validated into a `SweepSpec` of its kind before anything runs."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Strict, Tag, ValidationError, model_validator

from phasejax.checks import brief, nearest
from phasejax.shipped import shipped
from phasejax.sweep.kind import Kind, kind_of

Finite = Annotated[float, Field(allow_inf_nan=False)]
Label = Annotated[str, Field(pattern=r"^[\w .,:+()-]{1,60}$")]
"""A name that its author chooses, with nothing in it that means something to a figure, a table or a path."""


class SpecError(ValueError):
    """A mistake in a sweep specification, in one sentence: which field, which value, what is allowed."""


class Table(BaseModel):
    """A table of a specification: unknown fields are refused, and so are truth values and texts in place of numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Span(Table):
    """`num` points from `start` to `stop`, both included, linearly or logarithmically spaced."""

    start: Finite
    stop: Finite
    num: int = Field(ge=1, le=10**6)
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _logarithms_exist(self) -> Self:
        if self.scale == "log" and min(self.start, self.stop) <= 0:
            raise ValueError("a log scale needs start > 0 and stop > 0")
        return self


# An axis is a list of values or a span; the tag lets an error speak of the form that was meant.
Axis = Annotated[
    Annotated[tuple[Finite, ...], Strict(False), Field(min_length=1), Tag("values")] | Annotated[Span, Tag("span")],
    Discriminator(lambda raw: "values" if isinstance(raw, list | tuple) else "span"),
]
# A fixed parameter is one value for all coordinates or a list with one for each.
Fixed = Annotated[
    Annotated[Finite, Tag("value")] | Annotated[tuple[Finite, ...], Strict(False), Tag("values")],
    Discriminator(lambda raw: "values" if isinstance(raw, list | tuple) else "value"),
]
_TAGS = {"span", "value", "values", "float", "int", "str"}
_LARGEST = 1 << 20
"""Bytes of a file that may be a specification."""
_PLAINER = {
    "model_type": "give a list of values or a table of start, stop and num",
    "too_short": "at least one is needed",
    "float_parsing": "a number is needed",
    "int_parsing": "a whole number is needed",
    "int_from_float": "a whole number is needed",
    "int_type": "a whole number is needed",
    "float_type": "a number is needed",
}


def points(axis: tuple[float, ...] | Span, *, whole: bool = False) -> np.ndarray:
    """The values of an axis as float64, in order; those of a span are rounded where they are `whole` numbers."""
    if isinstance(axis, Span):
        space = np.geomspace if axis.scale == "log" else np.linspace
        values = space(axis.start, axis.stop, axis.num)
        return np.round(values) if whole else values
    return np.asarray(axis, dtype=np.float64)


class Range(NamedTuple):
    """The values that a parameter may take, from `low` to `high`; `low` itself only where it is not `open`; or `whole` ones."""

    low: float = -np.inf
    high: float = np.inf
    open: bool = False
    whole: bool = False

    def check(self, name: str, values: np.ndarray) -> None:
        """**Raises:** `ValueError` naming the first value that lies outside."""
        bad = values[(values < self.low) | (values > self.high) | ((values == self.low) & self.open)]
        if bad.size:
            opening = "(" if self.open else "["
            closing = ")" if np.isinf(self.high) else "]"
            interval = f"{opening}{self.low:g}, {self.high:g}{closing}"
            raise ValueError(f"{name} = {bad[0]:g} is not allowed: {name} lies in {interval}")
        if self.whole and np.any(values != np.round(values)):
            raise ValueError(f"{name} must be a whole number at every point of its axis")


class SweepSpec(Table):
    """What the specifications of all kinds have: the axes in the order of the result's dimensions, and how much to draw.

    `trials` ≥ 1 per cell; `seed` of all that is random. A kind adds its tables, and says by `ranges`, `values` and `check`
    what may be swept and what goes together.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    description: str = ""
    trials: int = Field(ge=1, le=10**9)
    seed: int = Field(0, ge=0, lt=2**63)
    axes: dict[str, Axis] = Field(min_length=1)

    @property
    def kind(self) -> Kind:
        """The kind of experiment that this specification is of."""
        return kind_of(type(self).model_fields)

    def ranges(self) -> dict[str, Range]:
        """Name → allowed values of everything that may be an axis."""
        return {}

    def values(self) -> dict[str, np.ndarray]:
        """Name → all values that a parameter of `ranges` takes, fixed or swept."""
        return {name: self.points(name) for name in self.axes}

    def points(self, name: str) -> np.ndarray:
        """The values of an axis, by its name."""
        return points(self.axes[name], whole=self.ranges()[name].whole)

    def check(self) -> None:
        """**Raises:** `ValueError` on what is wrong beyond single values: too little, too much, sizes that do not fit."""

    def check_precision(self, precision: int) -> None:
        """**Raises:** `SpecError` on a value beyond what numbers of so many bits hold."""

    def hint(self) -> str:
        """A sentence on what is allowed and yet seldom meant; empty where there is nothing to say."""
        return ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ranges = self.ranges()
        for name in self.axes:
            if name not in ranges:
                raise ValueError(f"axes.{name} is not a parameter{nearest(name, ranges)}: choose among {', '.join(ranges)}")
        for name, values in self.values().items():
            ranges[name].check(name, values)
        for name in self.axes:
            if len(np.unique(self.points(name))) < len(self.points(name)):
                raise ValueError(f"axes.{name} repeats a value: its values label the result and must differ")
        self.check()
        return self


def load_spec(path: str | Path) -> SweepSpec:
    """Read and validate a sweep specification: a TOML file, or the name of a published one, such as "phase_diagram".

    **Raises:** `SpecError` with one sentence naming the file, the field, the value and what is allowed.
    """
    path = _file(path)
    try:
        return parse_spec(_toml(path))
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror}.") from error
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from error


def _toml(path: Path) -> dict:
    if path.exists() and not path.is_file():
        raise SpecError("cannot be read: it is no plain file.")
    if path.stat().st_size > _LARGEST:
        raise SpecError(f"is larger than {_LARGEST >> 20} MiB: no specification is.")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except RecursionError as error:
        raise SpecError("is not TOML that can be read: it is nested too deep.") from error
    except ValueError as error:  # TOML's own, a decoder's, a number's with too many digits
        raise SpecError(f"is not TOML: {str(error).splitlines()[0]}.") from error


def _file(path: str | Path) -> Path:
    """The file at a path, or of a published sweep where the path is a bare name and no file has it."""
    given = Path(path)
    if given.suffix or len(given.parts) != 1 or given.is_file():
        return given
    published = {file.stem: file for file in sorted(shipped("sweeps").glob("*.toml"))}
    if given.name not in published:
        raise SpecError(f"there is no sweep {given.name!r}: give a TOML file, or one of {', '.join(published)}.")
    return published[given.name]


def parse_spec(raw: dict) -> SweepSpec:
    """Validate a specification given as nested dictionaries; its tables say which kind it is of.

    **Raises:** `SpecError` as `load_spec` does.
    """
    try:
        return kind_of(raw).spec.model_validate(raw)
    except ValidationError as error:
        raise SpecError(_sentence(error, kind_of(raw).spec)) from error


def _sentence(error: ValidationError, spec: type[SweepSpec]) -> str:
    """The first mistake as one sentence; a misspelt field before what its misspelling leaves missing."""
    first = min(error.errors(), key=lambda mistake: mistake["type"] != "extra_forbidden")
    field = ".".join(str(part) for part in first["loc"] if part not in _TAGS)
    if first["type"] == "extra_forbidden":
        return f"{field} is not a known field{nearest(str(first['loc'][-1]), _fields(spec))}."
    if first["type"] == "missing":
        return f"{field} is missing."
    message = _PLAINER.get(first["type"], first["msg"]).removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"{field}: {message}." if field else f"{message}."
    return f"{field} = {brief(first['input'])} is not allowed: {message[0].lower()}{message[1:]}."


def _fields(spec: type[SweepSpec]) -> list[str]:
    """The names of all fields, whatever table they are in."""
    schema = spec.model_json_schema()
    return [name for table in (schema, *schema.get("$defs", {}).values()) for name in table.get("properties", ())]
