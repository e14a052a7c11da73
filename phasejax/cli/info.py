"""`phasejax info`: what this machine brings."""

import sys
from importlib.metadata import version
from pathlib import Path

from phasejax import runtime
from phasejax.cli.shared import console


def info() -> None:
    """Devices, versions, precision, and where results and compiled kernels go."""
    import jax

    devices = jax.devices()
    console.print(f"devices    {len(devices)} × {devices[0].device_kind} ({devices[0].platform})")
    for name in ("phasejax", "jax", "jaxlib", "equinox", "xarray", "zarr", "numpy"):
        console.print(f"{name:10} {version(name)}")
    console.print(f"python     {sys.version.split()[0]}")
    console.print("precision  32 bits, 64 with --precision 64; analytic quantities always 64")
    console.print(f"results    {Path('out').resolve()} unless --out says otherwise", soft_wrap=True, markup=False)
    console.print(f"cache      {runtime.cache_directory()}", soft_wrap=True, markup=False)
