"""Tests run in float64 on four virtual CPU devices; float32 is asked for where it is tested, by `jax.enable_x64(False)`.

JAX is strict here: an array gains axes, or its type is widened, only where the code says so.
"""

import gc
import os
import tempfile
from pathlib import Path

import equinox as eqx
import jax
import jaxtyping
import pytest
from browsers import browser
from hypothesis import settings
from models import random_models as build_random_models

__all__ = ["browser"]  # a fixture

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_num_cpu_devices", 4)  # sweeps are tested over 1, 2 and 4 devices
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

MAPS = 30_000
"""Memory maps of a process beyond which it drops what it compiled: Linux ends one at 65,530, and each program takes several."""

# The same examples in every run: a red test is red again when it is looked at.
settings.register_profile("phasejax", derandomize=True, deadline=None, max_examples=60, database=None)
settings.load_profile("phasejax")


def pytest_configure(config):
    """What one process of the tests compiles the others load, and so do the commands that tests start.

    With little optimisation: most programs run for milliseconds here, and compiling them is what the tests wait for. One thread
    of linear algebra for each process of xdist: those of several get in each other's way.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when NumPy is loaded: by xdist's processes and by commands
    os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    jax.config.update("jax_disable_most_optimizations", os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] == "1")
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # a worker of xdist is given its parent's
        programs = tempfile.TemporaryDirectory(prefix="phasejax-tests-")
        config.add_cleanup(programs.cleanup)
        os.environ |= {"JAX_COMPILATION_CACHE_DIR": programs.name, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1"}
    jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


@pytest.fixture(scope="session")
def random_models():
    """300 random models over all shapes and flavours of `models.py`, as (shape, flavour, model)."""
    return build_random_models(per_cell=5)


@pytest.fixture
def float32():
    """JAX's default precision for the length of one test."""
    with jax.enable_x64(False):
        yield


@pytest.fixture
def optimised(monkeypatch):
    """Compiled as users have it, commands included: for tests that draw a lot, or of the last digits, which may be lost."""
    before = os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] == "1"
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "0")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture
def unchecked():
    """Annotations are not checked: for a test that passes what they forbid, so that the library itself must answer."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    maps = Path("/proc/self/maps")
    if (nextitem is None or nextitem.path != item.path) and maps.exists() and maps.read_bytes().count(b"\n") > MAPS:
        eqx.clear_caches()
        jax.clear_caches()
        gc.collect()
