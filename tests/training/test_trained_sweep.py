"""A sweep of trained objectives: each cell is a training like any other, and the store is as safe as that of other sweeps."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from trained_specs import raw, small

from phasejax import theory
from phasejax.experiments.spiked import model_at
from phasejax.experiments.trained import TRAINED
from phasejax.experiments.trained.agreement import agreement
from phasejax.experiments.trained.engine import TrainedEngine
from phasejax.experiments.trained.figure import trained_figure
from phasejax.recovery import subspace_distance
from phasejax.solvers import Status
from phasejax.sweep import SpecError, StoreError, estimate, load, parse_spec, run, spec_of
from phasejax.sweep.layout import PENDING, store_bytes
from phasejax.training import Linear, SpikedPairs, train

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "trained.zarr"
    seen = []
    return path, run(small(), path=path, on_progress=seen.append), seen


def test_a_trained_sweep_is_labelled_whole_and_beside_the_theory(finished):
    path, dataset, seen = finished
    assert seen[-1].cells_done == 4 and seen[-1].trials_done == 8
    assert dict(dataset.sizes) == {"kappa": 2, "nu": 2, "objective": 2, "direction": 2}
    assert list(dataset.objective.values) == ["prediction", "spread"]
    assert dataset.distance_x.dims == ("kappa", "nu", "objective")
    assert dataset.overlap_y_se.dims == ("kappa", "nu", "objective", "direction")
    assert set(dataset.data_vars) == set(TRAINED.variables(small())) | {"status"}
    assert load(path).identical(dataset) and spec_of(dataset) == small()
    assert dataset.nbytes == pytest.approx(store_bytes(small()), rel=0.1)
    assert np.all(dataset.status == 0) and np.all(dataset.failed_trials == 0)
    for i, kappa in enumerate(dataset.kappa.values):
        for j, nu in enumerate(dataset.nu.values):
            model = model_at(small(), kappa=kappa, nu=nu)
            assert dataset.regime.values[i, j] == theory.regime(model)
            np.testing.assert_allclose(dataset.delta_cp.values[i, j], theory.separation(model).cp, rtol=1e-12)
    # A prediction of y from x moves no y encoder; all else is measured.
    for name in ("distance", "overlap", "count", "success"):
        assert np.isnan(dataset[f"{name}_y"].sel(objective="prediction")).all()
        assert np.isfinite(dataset[f"{name}_y"].sel(objective="spread")).all() and np.isfinite(dataset[f"{name}_x"]).all()
    np.testing.assert_allclose(dataset.distance_x, 1 - dataset.overlap_x.mean("direction"), atol=1e-6)


def test_a_cell_is_the_mean_of_its_trainings(finished):
    dataset, spec = finished[1], small()
    cell, trial = np.divmod(np.arange(8), 2)
    with jax.enable_x64(False):
        root = jax.random.key(3)
        keys = jnp.stack([jax.random.fold_in(jax.random.fold_in(root, c), t) for c, t in zip(cell, trial, strict=True)])
        models = [model_at(spec, kappa=[0.8, 2.0][c // 2], nu=[0.0, 0.9][c % 2]) for c in cell]
        pairs = SpikedPairs(jax.tree.map(lambda *leaves: jnp.stack(leaves), *models))
        trained = train(
            "vicreg", pairs, key=keys, encoder=Linear(2), rows=60, batch=30, steps=40, learning_rate=0.1,
            hyperparameters={"lam_inv": 20.0}, tolerance=0.0,
        )  # fmt: skip
    for side, encoder in zip("xy", trained.encoders, strict=True):
        distance = np.array([subspace_distance(jnp.asarray(w, float)) for w in encoder.weight]).reshape(4, 2)
        measured = dataset[f"distance_{side}"].sel(objective="spread").values.ravel()
        np.testing.assert_allclose(measured, distance.mean(axis=1), atol=1e-5)
        error = dataset[f"distance_{side}_se"].sel(objective="spread").values.ravel()
        np.testing.assert_allclose(error, np.abs(distance[:, 1] - distance[:, 0]) / 2, atol=1e-5)
    loss = np.asarray(trained.loss[:, -1]).reshape(4, 2).mean(axis=1)
    np.testing.assert_allclose(dataset.loss.sel(objective="spread").values.ravel(), loss, rtol=1e-5)


def test_resuming_computes_nothing_that_is_done_and_refuses_another_sweep(finished, monkeypatch):
    path, dataset, _ = finished
    monkeypatch.setattr(TrainedEngine, "_train", None)
    assert run(small(), path=path, resume=True).identical(dataset)
    turned = raw()
    turned["training"]["objectives"] = dict(reversed(turned["training"]["objectives"].items()))
    for spec, sentence in (
        (small(training__steps=60), "training.steps is 40 there and 60 here"),
        (small(training__objectives__spread__lam_inv=21.0), "training.objectives.spread.lam_inv is 20.0 there and 21.0 here"),
        (parse_spec(turned), "objectives are in the order prediction, spread there and spread, prediction here"),
    ):
        with pytest.raises(StoreError, match=sentence):
            run(spec, path=path, resume=True)


def test_a_killed_trained_sweep_resumes_to_the_same_values(finished, tmp_path, monkeypatch):
    path = tmp_path / "killed.zarr"
    writes = 2 * (len(TRAINED.variables(small())) + 1) + 5  # in the middle of the third cell
    command = [sys.executable, HERE / "dying_training.py", path, str(writes)]
    folders = filter(None, (str(HERE.parent / "sweep"), os.environ.get("PYTHONPATH")))  # the first is where specs.py is
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(folders)}
    process = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert process.returncode == -signal.SIGKILL, process.stderr
    done = int((load(path).status != PENDING).sum())
    assert done == 2
    monkeypatch.setattr("phasejax.sweep.running.tile_shape", lambda shape, target: (1,) * len(shape))
    seen = []
    resumed = run(small(), path=path, resume=True, on_progress=seen.append)
    assert seen[-1].cells_done == 4 - done
    # Cells computed one at a time, in two processes, are the cells computed all at once.
    xr.testing.assert_allclose(resumed.drop_attrs(), finished[1].drop_attrs(), rtol=1e-5, atol=1e-6)
    again = run(small(), path=tmp_path / "whole.zarr")
    assert resumed.drop_attrs().identical(again.drop_attrs())


def test_diverged_trials_are_counted_and_left_out(finished):
    spec = small(training__learning_rate=None, axes={"nu": [0.0, 0.9], "learning_rate": [0.1, 1e30]}, model__kappa=2.0)
    dataset = run(spec)
    assert dataset.distance_x.dims == ("nu", "learning_rate", "objective")
    vicreg = dataset.sel(objective="spread")
    np.testing.assert_array_equal(vicreg.failed_trials, [[0, 2], [0, 2]])
    np.testing.assert_array_equal(dataset.status, [[Status.OK, Status.NONFINITE]] * 2)
    assert np.isnan(vicreg.distance_x[:, 1]).all() and np.isnan(vicreg.loss[:, 1]).all()
    assert np.isfinite(vicreg.distance_x[:, 0]).all()
    figure = trained_figure(dataset)
    (ax,) = figure.axes
    assert len([line for line in ax.lines if len(line.get_xdata()) == 2 and "spread" in str(line.get_label())]) == 2


MISTAKES = [
    (dict(training__objectives={}), "training.objectives = {} is not allowed: "),
    (dict(training__objectives={"infonice": {}}), "'infonice' is not an objective: choose one of"),
    (dict(training__objectives={"a": {"objective": "infonice"}}), "'infonice' is not an objective"),
    (dict(training__objectives={"vicreg": {"lam": 1.0}}), "training.objectives.vicreg: 'lam' is not a hyperparameter"),
    (dict(training__objectives={"infonce": {"temperature": -1.0}}), "training.objectives.infonce: temperature = -1"),
    (dict(training__objectives={"infonce": {"temperature": "hot"}}), "training.objectives.infonce: "),
    (dict(training__objectives={"reconstruction": {}}), "needs a decoder's output"),
    (
        dict(training__objectives={"prediction": {"source": 2}}),
        "source = 2 is not allowed: source must be a whole",
    ),
    (dict(training__steps=30), "training.steps = 30 is not allowed: a multiple of 20"),
    (dict(training__batch=61), "training.batch = 61 is not allowed: at most model.n = 60"),
    (dict(training__width=1), "training.width = 1 is not allowed: at least model.k = 2"),
    (dict(training__learning_rate=0.0), "training.learning_rate = 0.0 is not allowed"),
    (dict(training__learning_rate=None), "give learning_rate exactly once"),
    (dict(training__speed=1), "training.speed is not a known field"),
    (dict(axes__learning_rate=[0.1, 0.2]), "give learning_rate exactly once"),
    (dict(training__learning_rate=None, axes__learning_rate=[0.0]), "learning_rate = 0 is not allowed"),
    (dict(axes__lam_inv=[1.0]), "lam_inv is both fixed for spread"),
    (dict(axes__lam_var=[1.0, -1.0]), "training.objectives.spread: lam_var[1] = -1"),
    (dict(axes__temperature=[0.1]), "axes.temperature is not a parameter: choose among kappa"),
    (dict(model__ridge_x=0.1), "ridge_x has no meaning where encoders are trained"),
    (dict(model__n=None, axes__n=[40.0, 60.0]), "n cannot be swept where encoders are trained"),
]


@pytest.mark.parametrize(("change", "sentence"), MISTAKES, ids=[sentence for _, sentence in MISTAKES])
def test_a_mistake_is_one_sentence(change, sentence):
    with pytest.raises(SpecError) as caught:
        parse_spec(raw(**change))
    message = str(caught.value)
    assert sentence in message
    assert message.endswith(".") and not message.endswith("..") and "\n" not in message


def test_learning_rates_and_hyperparameters_may_be_axes():
    spec = small(training__objectives={"infonce": {}}, axes__temperature=[0.1, 0.5])
    assert parse_spec(spec.model_dump(exclude_none=True)) == spec
    with pytest.raises(SpecError, match=r"axes\.learning_rate is not a parameter"):
        parse_spec(raw(training=None, axes__learning_rate=[0.1]))


def test_the_cost_of_a_trained_sweep_is_estimated(finished):
    cost = estimate(small())
    assert cost.cells == 4 and cost.trials == 8 and cost.run_s > 0 and cost.bytes == store_bytes(small())


def test_agreement_sets_each_objective_beside_ca_and_cp():
    success = xr.DataArray([[1.0, 0.0], [0.5, 0.4], [1.0, 1.0], [np.nan, 0.9]], dims=("nu", "objective"))
    dataset = xr.Dataset(
        {
            "success_x": success,
            "regime": ("nu", [3, 1, 2, 0]),
            "delta_ca": ("nu", [5.0, 1.05, 0.5, 0.1]),
            "delta_cp": ("nu", [5.0, 0.5, 2.0, 0.1]),
            "margin_ca": ("nu", [0.1, -0.1, -0.1, -0.7]),
            "margin_cp": ("nu", [-0.1, 0.1, 0.1, -0.7]),
        },
        coords={"objective": ["a", "b"]},
    )
    rows = {row.what: (row.limit.tolist(), row.at_n.tolist(), row.away.tolist()) for row in agreement(dataset)}
    yes, no = True, False
    assert rows["a as CA"] == ([yes, yes, no], [yes, no, no], [yes, no, yes])
    assert rows["a as CP"] == ([yes, no, yes], [no, yes, yes], [yes, yes, yes])
    assert rows["b as CA"] == ([no, no, no, no], [no, yes, no, no], [yes, no, yes, yes])
    assert rows["b as CP"] == ([no, yes, yes, no], [yes, no, yes, no], [yes, yes, yes, yes])


def test_maps_show_every_objective_under_the_boundaries(finished):
    figure = trained_figure(finished[1])
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert titles == ["prediction", "spread"]
