"""No package exports a function under the name of one of its modules: `import package.module` would give the function."""

import importlib
import pkgutil
from types import ModuleType

import pytest

import phasejax

PACKAGES = tuple(module.name for module in pkgutil.iter_modules(phasejax.__path__) if module.ispkg)


@pytest.mark.parametrize("name", PACKAGES)
def test_no_module_is_shadowed(name):
    package = importlib.import_module(f"phasejax.{name}")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("__"):
            continue  # __main__ runs
        importlib.import_module(f"phasejax.{name}.{module.name}")
        assert isinstance(getattr(package, module.name), ModuleType), module.name
