"""Grid sweeps: a TOML specification in, an `xarray.Dataset` with labelled axes out."""

from phasejax.sweep.place import StoreError
from phasejax.sweep.running import SweepProgress, estimate, run
from phasejax.sweep.spec import SpecError, SweepSpec, load_spec, parse_spec
from phasejax.sweep.store import load, spec_of

__all__ = [
    "SpecError",
    "StoreError",
    "SweepProgress",
    "SweepSpec",
    "estimate",
    "load",
    "load_spec",
    "parse_spec",
    "run",
    "spec_of",
]
