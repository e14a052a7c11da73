"""The package as its users meet it: a light import, names that exist, types that are announced."""

import importlib
import pkgutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

import phasejax
from phasejax.cli import app

PACKAGES = [
    module.name
    for module in pkgutil.walk_packages(phasejax.__path__, "phasejax.")
    if module.ispkg and "figures" not in module.name and "claims" not in module.name
]


def test_importing_it_loads_nothing_heavy():
    heavy = "jax", "numpy", "matplotlib", "xarray", "pandas", "optax"
    code = f"import sys, phasejax; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_every_name_it_lists_exists_and_is_where_it_says():
    assert {"SpikedModel", "diagnose", "solvers", "sweep", "theory", "training", "__version__"} <= set(dir(phasejax))
    for name in phasejax.__all__:
        getattr(phasejax, name)
    top = {module.name for module in pkgutil.iter_modules(phasejax.__path__)}
    internal = {"__main__", "_version", "cli", "folds", "keys", "memory", "programs", "runtime", "shipped", "whole"}
    assert top - internal <= set(phasejax.__all__), "a public module is missing from __init__.pyi"


@pytest.mark.parametrize("name", PACKAGES)
def test_every_package_says_what_is_public(name):
    package = importlib.import_module(name)
    for public in package.__all__:
        assert hasattr(package, public) or importlib.import_module(f"{name}.{public}")


def test_the_version_is_that_of_the_installation():
    assert phasejax.__version__ == version("phasejax")
    assert CliRunner().invoke(app, ["--version"]).output == f"phasejax {phasejax.__version__}\n"


def test_its_types_are_announced():
    assert Path(phasejax.__file__).with_name("py.typed").exists()
