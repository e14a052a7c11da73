"""The compiled sweep gives what a plain loop gives, however its trials are laid out."""

import re
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from specs import small

from phasejax import theory
from phasejax.experiments.solved.engine import SolvedEngine
from phasejax.experiments.spiked import model_at
from phasejax.simulation import rows as rows_module
from phasejax.simulation import trial
from phasejax.simulation.statistics import Recovered, RowSums, measured
from phasejax.solvers import Status
from phasejax.sweep import SpecError, run


def laid_out(spec, *, formulation=trial.reference, devices=None, **changes) -> SolvedEngine:
    """An engine in float64, on one device and with the formulation that compiles fastest unless told otherwise."""
    engine = SolvedEngine(spec, precision=64, devices=devices or tuple(jax.devices()[:1]))
    engine.formulation = formulation
    engine.layout = replace(engine.layout, **changes)
    return engine


def all_cells(engine: SolvedEngine):
    return measured(engine.start(np.arange(engine.grid.size))())


@pytest.fixture(scope="module")
def plain():
    return all_cells(laid_out(small()))


def assert_same(one, other):
    """Draws are the same bits: everything agrees to rounding, far below the 1/trials by which one decision would differ."""
    for name in one:
        np.testing.assert_allclose(other[name], one[name], rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("rows", [1, 7, 15])
@pytest.mark.parametrize("chunk", [16, 90])
def test_results_do_not_depend_on_rows_and_chunks(plain, rows, chunk):
    assert_same(plain, all_cells(laid_out(small(), rows=rows, chunk=chunk)))


@pytest.mark.parametrize("devices", [2, 4])
def test_results_do_not_depend_on_the_number_of_devices(plain, devices):
    chosen = tuple(jax.devices("cpu")[:devices])
    assert len(chosen) == devices
    assert_same(plain, all_cells(laid_out(small(), devices=chosen, rows=8)))


def test_the_kernel_of_the_sweep_does_not_depend_on_the_layout_either(plain):
    chosen = SolvedEngine(small(), precision=32, devices=tuple(jax.devices())).formulation
    assert chosen is trial.batch_last
    four = all_cells(laid_out(small(), formulation=chosen, devices=tuple(jax.devices("cpu")[:4]), rows=4, chunk=32))
    whole = all_cells(laid_out(small(), formulation=chosen))
    assert_same(whole, four)
    np.testing.assert_allclose(whole["distance_cp"], plain["distance_cp"], atol=1e-7)
    np.testing.assert_array_equal(whole["count_ca"], plain["count_ca"])


def test_a_ridge_reaches_the_trials_and_one_of_zero_is_none(plain):
    ridged = {name: all_cells(laid_out(small(**{f"model__{name}": 0.5}))) for name in ("ridge_x", "ridge_y")}
    zero = all_cells(laid_out(small(model__ridge_x=0.0, model__ridge_y=0.0)))
    for name, values in plain.items():
        np.testing.assert_array_equal(zero[name], values, err_msg=name)
    # That on the target does not enter CP.
    np.testing.assert_array_equal(ridged["ridge_y"]["distance_cp"], plain["distance_cp"])
    for name, which in (("ridge_x", "ca"), ("ridge_x", "cp"), ("ridge_y", "ca")):
        assert np.all(ridged[name][f"distance_{which}"] != plain[f"distance_{which}"])


@pytest.mark.parametrize("per_row", [1, 4, 5])
def test_trials_split_over_rows_merge_to_the_same_moments(plain, per_row):
    blocks = -(-6 // per_row)
    assert_same(plain, all_cells(laid_out(small(), trials_per_row=per_row, blocks=blocks, rows=4)))


def test_more_trials_begin_with_the_same_ones():
    few, many = all_cells(laid_out(small(trials=1))), all_cells(laid_out(small(trials=2)))
    other = all_cells(laid_out(small(trials=2, seed=4)))
    second = 2 * many["distance_ca"] - few["distance_ca"]
    spread = np.abs(second - few["distance_ca"]) / 2
    np.testing.assert_allclose(many["distance_ca_se"], spread, atol=1e-9)
    assert np.isnan(few["distance_ca_se"]).all()
    random = np.arange(15) % 5 < 4  # at ν = 1 nothing is ever recovered
    assert np.all((many["distance_ca"] != other["distance_ca"])[random])


def test_a_sweep_compiles_once(monkeypatch):
    traces = []
    body = rows_module.row_sums
    monkeypatch.setattr(rows_module, "row_sums", lambda *a: traces.append(1) or body(*a))
    rows_module._compiled.cache_clear()
    engine = laid_out(small(), rows=4)
    for first in range(0, 15, 4):
        engine.start(np.arange(first, min(first + 4, 15)))()
    assert len(traces) == 1


def test_specifications_that_differ_in_numbers_are_compiled_once(caplog):
    def compilations(spec) -> int:
        caplog.clear()
        with jax.log_compiles():
            run(spec)
        return sum("Finished XLA compilation" in record.getMessage() for record in caplog.records)

    rows_module._compiled.cache_clear()
    assert compilations(small(trials=20)) > 0
    grid = {"kappa": [0.3, 0.7], "nu": {"start": 0.0, "stop": 0.9, "num": 8}}  # 16 cells; as many rows as 15 of them get
    for i in range(9):
        numbers = dict(seed=i, threshold=0.5 + i / 50, model__gamma_x=1 + i / 9, model__n=60 + i, model__gamma_tilde_y=2.0 + i)
        assert compilations(small(trials=20 - i % 4, **numbers, **({"axes": grid} if i % 2 else {}))) == 0
    assert compilations(small(trials=20, axes={"nu": [0.1, 0.2]}, model__kappa=[1.0, 2.0])) > 0  # other shapes
    # What the numbers say is heard all the same.
    few, many = (run(small(trials=20, model__n=n)).distance_ca.mean() for n in (20, 2000))
    assert few > many + 0.1


@pytest.mark.parametrize("trials", [1, 6, 14, 49])
def test_half_of_the_trials_are_enough_and_less_is_not(trials):
    successes, (mean, nothing) = np.arange(trials + 1), np.zeros((2, trials + 1, 2, 5), "f4")
    mean[:, :, -1] = np.stack([successes, successes[::-1]], axis=1) / trials  # rounded: it must not decide
    none = np.zeros(trials + 1, "i4")
    found = measured(RowSums(mean, nothing, np.full(trials + 1, trials), none, none))["regime_empirical"]
    np.testing.assert_array_equal(found, (2 * successes >= trials) + 2 * (2 * successes[::-1] >= trials))


def test_a_failed_trial_is_counted_and_left_out(plain):
    def failing(cholesky, factor, n, k, ridges):
        result = trial.reference(cholesky, factor, n, k, ridges)
        broken = cholesky.b[k] > 1.9  # the cells with ν = 1
        hit = broken & (factor.r11[0, 0] > 7.7)  # some of their trials
        ca = jax.tree.map(lambda leaf: jnp.where(hit, jnp.nan, leaf), result.ca)
        return trial.Trials(ca, result.cp, jnp.where(hit, Status.NONFINITE, result.status))

    values = all_cells(laid_out(small(), formulation=failing))
    hit = np.arange(15) % 5 == 4
    assert values["failed_trials"].sum() > 0 and np.all(values["failed_trials"][~hit] == 0)
    assert np.all(values["failed_trials"][hit] < 6)
    np.testing.assert_array_equal(values["status"], np.where(values["failed_trials"] > 0, Status.NONFINITE, Status.OK))
    assert np.all(np.isfinite(values["distance_ca"]))
    np.testing.assert_allclose(values["distance_ca"][~hit], plain["distance_ca"][~hit], atol=1e-9)


def test_a_cell_without_a_finite_trial_is_nan():
    def failing(cholesky, factor, n, k, ridges):
        nothing = Recovered(jnp.full((k, n.size), jnp.nan), jnp.full(n.size, jnp.nan))
        return trial.Trials(nothing, nothing, jnp.full(n.size, Status.NONFINITE))

    values = all_cells(laid_out(small(), formulation=failing))
    assert np.all(np.isnan(values["distance_cp"])) and np.all(values["failed_trials"] == 6)
    assert np.all(values["regime_empirical"] == -1)


def test_fewer_samples_than_dimensions_are_flagged_not_hidden():
    values = all_cells(laid_out(small(model__n=None, axes={"kappa": [2.0], "nu": [0.2], "n": [3, 5, 9, 10, 40]})))
    # n < d: the whitener is singular. Below 2d, 2d − n correlations are 1: those of CA are tied where these are more than k.
    np.testing.assert_array_equal(values["status"], [Status.TIED, Status.TIED, 0, 0, 0])
    assert np.all(np.isfinite(values["distance_ca"]))
    assert values["distance_ca"][0] > values["distance_ca"][-1]


def test_run_labels_its_axes_and_reports_the_theory():
    spec = small()
    seen = []
    dataset = run(spec, on_progress=seen.append)
    assert dataset.distance_ca.dims == ("kappa", "nu") and dataset.overlap_cp.dims == ("kappa", "nu", "direction")
    assert dict(dataset.sizes) == {"kappa": 3, "nu": 5, "direction": 2}
    assert seen[-1].cells_done == 15 and seen[-1].trials_done == 90 and seen[-1].trials_per_s > 0
    for i, kappa in enumerate(dataset.kappa.values):
        for j, nu in enumerate(dataset.nu.values):
            model = model_at(spec, kappa=kappa, nu=nu)
            assert dataset.regime.values[i, j] == theory.regime(model)
            delta_ca, delta_cp = theory.separation(model)
            np.testing.assert_allclose(dataset.delta_ca.values[i, j], delta_ca, rtol=1e-12)
            np.testing.assert_allclose(dataset.delta_cp.values[i, j], delta_cp, rtol=1e-12)
            assert dataset.exact_cp.values[i, j] == theory.recovery_counts(model).exact.cp
    assert np.all(dataset.status == 0) and np.all(np.isfinite(dataset.distance_ca))


def test_float32_and_float64_sweeps_agree_closely():
    single, double = (run(small(), precision=bits) for bits in (32, 64))
    again = run(small(), precision=32)
    assert single.identical(again.assign_attrs(single.attrs))
    # Different words make different normals: the two precisions are independent draws, equal in distribution only.
    error = np.hypot(single.distance_ca_se, double.distance_ca_se)
    apart = np.abs(single.distance_ca - double.distance_ca) / error.where(error > 1e-6)
    assert float(apart.max()) < 6 and float(apart.mean()) < 2


def test_small_distances_are_right_in_float32():
    """n · distance tends to a constant, where one minus the overlap would leave rounding, of either sign."""
    n = np.array([1e4, 1e6, 1e8, 1e9, 1e10])
    found = run(small(trials=200, axes={"n": n.tolist()}, model__n=None, model__kappa=2.0, model__nu=0.3), precision=32)
    for distance, error in ((found.distance_ca, found.distance_ca_se), (found.distance_cp, found.distance_cp_se)):
        scaled, error = n * distance.values, n * error.values
        assert np.all(error < 0.1 * scaled)
        assert np.all(np.abs(scaled - scaled[0]) < 5 * np.hypot(error, error[0]))


@pytest.mark.parametrize("name, value", [("kappa", 1e25), ("gamma_x", 1e20), ("gamma_tilde_y", 1e-25), ("quality_y", 1e-25)])
def test_what_float32_cannot_hold_is_refused_before_anything_is_written(tmp_path, name, value):
    changes = {f"model__{name}": value, "axes": {"nu": [0.1, 0.2]}} | ({"model__gamma_y": None} if name == "quality_y" else {})
    spec = small(**{"model__kappa": 1.0} | changes)
    with pytest.raises(SpecError, match=re.escape(f"{name} = {value:g} is not allowed at 32 bits: variances must lie within")):
        run(spec, path=tmp_path / "refused.zarr")
    assert not list(tmp_path.iterdir())
    spec.check_precision(64)


def test_precision_is_32_or_64():
    with pytest.raises(ValueError, match="precision = 16"):
        run(small(), precision=16)
