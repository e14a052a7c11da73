"""What a command traced, the next one loads: the same program, and never another."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from specs import small

from phasejax import programs, runtime
from phasejax.experiments.solved.engine import SolvedEngine
from phasejax.simulation import rows, trial


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Where this process keeps programs, as that of a command would."""
    before = jax.config.jax_compilation_cache_dir
    monkeypatch.setattr(runtime, "is_command", True)
    monkeypatch.setattr(runtime, "BEGAN", time.time() + 3600)  # whatever is edited meanwhile
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "programs"))
    yield tmp_path / "programs"
    jax.config.update("jax_compilation_cache_dir", before)


class Traced:
    """A function that counts how often it is traced."""

    def __init__(self):
        self.times = 0

    def __call__(self, numbers, key):
        self.times += 1
        return numbers["x"] * 2 + jax.random.normal(key, numbers["x"].shape, numbers["x"].dtype), jnp.sum(numbers["x"])

    def kept(self, name: str = "twice", *, size: int = 3, dtype: str = "f8"):
        arguments = {"x": np.arange(size, dtype=dtype)}, jax.random.key(0)

        def afresh(*given):  # JAX knows a function that it has traced before
            return self(*given)

        return jax.jit(programs.kept(afresh, name, *arguments))(*arguments)


def test_the_second_process_traces_nothing_and_computes_the_same(folder):
    traced, plain = Traced(), Traced()
    expected = jax.jit(plain)({"x": np.arange(3.0)}, jax.random.key(0))
    for _ in range(3):
        jax.tree.map(np.testing.assert_array_equal, traced.kept(), expected)
    assert traced.times == 1 and len(list(folder.glob("*.program"))) == 1


def test_another_program_is_traced_anew(folder, monkeypatch, tmp_path):
    traced = Traced()
    for other in ({}, {"name": "thrice"}, {"size": 4}, {"dtype": "f4"}):
        traced.kept(**other)
    with jax.enable_x64(False):
        traced.kept(dtype="f4")
    jax.config.update("jax_default_matmul_precision", "highest")
    traced.kept()
    jax.config.update("jax_default_matmul_precision", None)
    (tmp_path / "programs.py").write_text("another source")
    monkeypatch.setattr(programs, "__file__", str(tmp_path / "programs.py"))
    traced.kept()
    monkeypatch.setattr(programs.jaxlib, "__version__", "0.0")
    traced.kept()
    assert traced.times == len(list(folder.glob("*.program"))) == 8


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:-1], lambda b: b[:200] + bytes([b[200] ^ 1]) + b[201:]])
def test_a_damaged_program_is_as_none(folder, damage):
    traced = Traced()
    expected = traced.kept()
    (path,) = folder.glob("*.program")
    path.write_bytes(damage(path.read_bytes()))
    for _ in range(2):  # it is mended
        jax.tree.map(np.testing.assert_array_equal, traced.kept(), expected)
    assert traced.times == 2


def test_where_nothing_may_be_kept_the_function_is_traced(folder, monkeypatch):
    traced = Traced()
    folder.write_text("no folder")
    traced.kept()
    folder.unlink()
    monkeypatch.setattr(runtime, "BEGAN", 0.0)  # all source was edited after this process began
    traced.kept()
    monkeypatch.setattr(runtime, "BEGAN", time.time() + 3600)
    monkeypatch.setattr(runtime, "is_command", False)
    traced.kept()
    assert traced.times == 3 and not list(folder.glob("*.program"))


def test_a_sweep_is_the_same_from_a_kept_program(folder, monkeypatch):
    def found():
        rows._compiled.cache_clear()
        engine = SolvedEngine(small(), precision=64, devices=tuple(jax.devices()[:2]))
        engine.formulation = trial.reference  # compiles fastest
        return engine.start(np.arange(15))()

    first = found()
    with monkeypatch.context() as patch:
        patch.setattr(rows, "row_sums", None)  # a program that is kept needs it no more
        loaded = found()
    monkeypatch.setattr(runtime, "is_command", False)
    plain = found()
    for one in first, loaded:
        jax.tree.map(np.testing.assert_array_equal, one, plain)
