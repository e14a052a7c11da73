"""Called again with other numbers of the same shapes, whole or not, no function of theory or solvers compiles anything."""

import inspect
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models import random_model

from phasejax import multimodal, sampling, solvers, theory
from phasejax.multimodal import MultimodalModel

MODULES = {
    "theory": theory,
    "theory.components": theory.components,
    "theory.square": theory.square,
    "multimodal.first_order": multimodal.first_order,
    "multimodal.high_dimensional": multimodal.high_dimensional,
    "multimodal.sampling": multimodal.sampling,
    "multimodal.solvers": multimodal.solvers,
    "multimodal.theory": multimodal.theory,
    "sampling": sampling,
    "solvers": solvers,
}
GRAPH = np.array([[0.0, 1.0, 0.5], [1.0, 0.0, 0.0], [0.5, 0.0, 0.0]])  # its edges are no numbers: they have shapes


def three_views(rng) -> MultimodalModel:
    nuisance = np.full((3, 3, 3), 0.2) + 0.8 * np.eye(3)
    return MultimodalModel(rng.uniform(1, 2, 3), *(rng.uniform(0.5, 2, (3, 3)) for _ in range(2)), nuisance)


def functions(module: ModuleType) -> list[str]:
    public = getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])
    of_package = [name for name in public if str(getattr(getattr(module, name), "__module__", "")).startswith("phasejax")]
    own = of_package if hasattr(module, "__all__") else [n for n in of_package if vars(module)[n].__module__ == module.__name__]
    return [name for name in own if inspect.isfunction(getattr(module, name))]  # what `jax.jit` returns compiles once as it is


def arguments(name: str, function, seed: int) -> dict:
    """Of a function, by the names of its parameters, which mean the same everywhere; the same shapes whatever the seed."""
    rng = np.random.default_rng(seed)
    model, several = random_model(seed, (3, 5, 8)), three_views(rng)
    cov = sampling.sample_covariance(model, 200.0, key=jax.random.key(seed))
    many = function.__module__.startswith("phasejax.multimodal")
    known = {
        "adjacency": GRAPH,
        "blocks": several.covariance(),
        "cov": cov,
        "encoder": jnp.asarray(rng.normal(size=(3, 5))),
        "k": 3,
        "keep_x": 4,
        "keep_y": 4,
        "kept": theory.Kept(jnp.ones(3, bool), jnp.asarray(rng.random(2) < 0.5)),
        "key": jax.random.key(seed),
        "members": (0, 1),
        "model": several if many else model,
        "n": 200 if name == "sample_pairs" else float(rng.integers(150, 250)),
        "s": cov.xx,
        "target": 0,
        "x": rng.normal(size=(30, 3)),
        "y": rng.normal(size=(30, 4)),
    }
    numbers = "lam", "level", "ridge_x", "ridge_y"
    known |= {number: rng.uniform(0.2, 0.8) for number in numbers}
    wanted = inspect.signature(function).parameters.values()
    return {p.name: known[p.name] for p in wanted if p.name in known or p.default is p.empty}


@pytest.mark.parametrize(("module", "name"), [(m, name) for m, module in MODULES.items() for name in functions(module)])
def test_other_numbers_compile_nothing(module, name, caplog):
    function = getattr(MODULES[module], name)
    first, second = (arguments(name, function, seed) for seed in (0, 1))
    jax.block_until_ready(function(**first))
    whole = {number: value for number, value in {"n": 200, "lam": 1, "ridge_x": 1, "ridge_y": 1}.items() if number in second}
    with jax.log_compiles():
        jax.block_until_ready(function(**second))
        jax.block_until_ready(function(**(second | whole)))
    assert [record.getMessage() for record in caplog.records if "Finished XLA compilation" in record.getMessage()] == []


def test_every_module_has_functions_here():
    assert all(functions(module) for module in MODULES.values())
