"""The reference holds every public name, once, with words of its own."""

import inspect
from importlib import import_module
from pkgutil import iter_modules

from generate import PACKAGES, public_names, reference

import phasejax


def test_every_public_name_has_an_entry_and_a_docstring():
    page = reference()
    for package, name in public_names():
        value = getattr(import_module(package), name)
        assert f":: {package}.{name}\n" in page
        if inspect.isclass(value) or inspect.isfunction(value):
            assert (value.__doc__ or "").strip(), f"{package}.{name} has no docstring"
    assert len(public_names()) > 100


def test_every_public_package_is_in_the_reference():
    inner = {
        "checks",
        "cli",
        "datasets",
        "experiments",
        "figures",
        "folds",
        "keys",
        "memory",
        "plot",
        "programs",
        "runtime",
        "shipped",
        "simulation",
        "spiked",
        "whole",
    }
    packages = {module.name for module in iter_modules(phasejax.__path__) if not module.name.startswith("_")}
    assert {f"phasejax.{name}" for name in packages - inner} == set(PACKAGES) - {"phasejax"}
