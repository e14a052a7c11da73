"""Figures show the numbers they are given."""

import subprocess
import sys

import jax
import matplotlib.colors
import numpy as np
import pytest
from matplotlib.figure import Figure
from specs import finished

from phasejax import plot, theory
from phasejax.experiments.spiked import between, expected, model_at
from phasejax.experiments.trained.figure import COLORS
from phasejax.solvers import Status
from phasejax.sweep import spec_of
from phasejax.theory import Regime

ROUGH = {"kappa": {"start": 0.0, "stop": 3.0, "num": 4}, "nu": {"start": 0.0, "stop": 1.0, "num": 5}}


def drawn(dataset):
    return plot.sweep_figure(dataset, between)


def vertices(contour):
    return np.concatenate([path.vertices for path in contour.get_paths()])


def test_regimes_are_painted_in_their_own_colours():
    dataset = finished(axes=ROUGH)
    ax = plot.regimes(Figure().add_subplot(), dataset)
    mesh = ax.collections[0]
    painted = mesh.to_rgba(mesh.get_array()).reshape(5, 4, 4)
    wanted = [matplotlib.colors.to_rgba(plot.REGIME_COLORS[Regime(int(code))]) for code in dataset.regime.values.T.ravel()]
    np.testing.assert_allclose(painted.reshape(-1, 4), wanted)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("spike strength κ", "nuisance correlation ν")


@pytest.mark.parametrize("swept", ["kappa", "gamma_tilde_y", "gamma_x"])
def test_boundaries_lie_where_theory_puts_them_however_rough_the_grid(swept):
    span = {"start": 0.1, "stop": 10.0, "num": 4, "scale": "log"} if swept != "kappa" else ROUGH["kappa"]
    fixed = {"model__kappa": 1.2} if swept != "kappa" else {}
    hold = {"hold": "nu"} if swept == "gamma_tilde_y" else {}
    dataset = finished(axes={swept: span, "nu": [0.0, 1.0]}, **fixed, **hold, **({f"model__{swept}": None} if fixed else {}))
    ax = plot.boundaries(Figure().add_subplot(), between(dataset))
    assert len(ax.collections) == 2
    for contour, which in zip(ax.collections, ("ca", "cp"), strict=True):
        found = vertices(contour)
        assert len(found) > 20
        for value, nu in found[:: len(found) // 10]:
            critical = getattr(theory.critical_nu(model_at(spec_of(dataset), **{swept: value}, nu=0.0)), which)
            assert abs(critical - nu) < 0.003, (swept, which, value)


def test_axes_spaced_by_ratio_are_logarithmic_and_their_cells_too():
    assert plot.logarithmic(np.geomspace(0.2, 100, 41)) and plot.logarithmic(np.array([25, 50, 200, 400, 1600.0]))
    assert not plot.logarithmic(np.linspace(0.2, 100, 41)) and not plot.logarithmic(np.array([0.0, 1.0, 10.0, 100.0]))
    ax = plot.regime_map(Figure().add_subplot(), np.array([1.0, 10.0, 100.0]), np.array([0.0, 1.0]), np.zeros((3, 2)))
    edges = ax.collections[0].get_coordinates()[0, :, 0]
    np.testing.assert_allclose(edges, 10.0 ** np.array([-0.5, 0.5, 1.5, 2.5]))
    axes = {"gamma_tilde_y": {"start": 0.2, "stop": 100, "num": 5, "scale": "log"}, "nu": [0.0, 0.5, 1.0]}
    figure = drawn(finished(axes=axes, hold="nu", model__gamma_tilde_y=None, model__kappa=1.0))
    assert {(ax.get_xscale(), ax.get_yscale()) for ax in figure.axes} == {("log", "linear")}


def test_flagged_cells_are_crossed():
    dataset = finished(axes=ROUGH)
    assert not plot.failures(Figure().add_subplot(), dataset).lines
    dataset.status.values[2, 4] = Status.NONFINITE
    (line,) = plot.failures(Figure().add_subplot(), dataset).lines
    np.testing.assert_allclose(line.get_xydata(), [[dataset.kappa[2], dataset.nu[4]]])


def test_the_greys_of_the_regimes_differ():
    grey = sorted(np.dot(matplotlib.colors.to_rgb(color), [0.299, 0.587, 0.114]) for color in plot.REGIME_COLORS.values())
    assert min(np.diff(grey)) > 0.05


def test_trained_objectives_do_not_wear_the_colours_of_the_ratios():
    assert not set(COLORS) & set(plot.OBJECTIVE_COLORS.values())


def test_one_two_three_and_four_axes_have_a_figure(tmp_path):
    axes = {"kappa": [0.5, 1.5], "nu": [0.1, 0.9], "quality_x": [0.5, 1.0], "n": [50, 500]}
    base = dict(model__gamma_x=None, model__n=None)
    for count, panels in ((1, 1), (2, 2), (3, 4), (4, 8)):
        swept = dict(list(axes.items())[:count])
        fixed = {f"model__{name}": values[-1] for name, values in axes.items() if name not in swept}
        figure = drawn(finished(axes=swept, **(base | fixed)))
        assert len(figure.axes) == panels
    plot.save(figure, tmp_path / "4.png")
    assert [p.name for p in tmp_path.iterdir()] == ["4.png"]


def test_a_figure_says_what_is_fixed_and_which_panels_it_leaves_out():
    axes = {"kappa": [0.5, 1.5], "nu": [0.1, 0.9], "spread": [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]}
    figure = drawn(finished(axes=axes))
    shown = {ax.get_title().split("\n")[0] for ax in figure.axes} - {"measured at n = 60"}
    said = " ".join(figure.get_suptitle().split())
    assert len(shown) == 6
    left_out = [f"signal spread = {value:g}" for value in axes["spread"] if f"signal spread = {value:g}" not in shown]
    assert f"In the store and not shown: {'; '.join(left_out)}." in said
    for what in ("small: d = 5, k = 2", "γˣ = 1", "γʸ = 0.1", "γ̃ʸ = 4"):
        assert what in said
    assert "measured at n = 60" in [ax.get_title() for ax in figure.axes]


@pytest.fixture(scope="module")
def foreseen():
    return expected(finished(axes__kappa=[0.0, 0.8, 2.0]))


def test_what_theory_expects_at_n_is_beside_every_cell_and_drawn(foreseen):
    spec = spec_of(foreseen)

    @jax.jit
    def at(kappa, nu):
        model = model_at(spec, kappa=kappa, nu=nu)
        return theory.regime(model, 60.0, level=1 - spec.threshold), *theory.expected_distance(model, 60.0)

    for kappa in foreseen.kappa.values:
        for nu in foreseen.nu.values:
            cell, (regime, ca, cp) = foreseen.sel(kappa=kappa, nu=nu), at(kappa, nu)
            assert cell.regime_at_n == int(regime)
            np.testing.assert_allclose([cell.expected_ca, cell.expected_cp], [ca, cp], atol=1e-9)
    figure = drawn(foreseen)
    assert [ax.get_title() for ax in figure.axes] == ["n = ∞", "expected at n = 60", "measured at n = 60"]
    labels = {text.get_text() for text in figure.legends[0].get_texts()}
    assert {"CA expected at n", "CP expected at n"} <= labels


def test_theory_beside_a_sweep_of_ridges_is_that_of_the_ridges():
    axes = {"ridge_x": [0.0, 0.3, 4.0], "nu": [0.3, 0.9]}
    dataset = expected(finished(axes=axes, model__kappa=1.5, model__ridge_y=0.5))
    assert set(dataset.regime_at_n.dims) == set(dataset.dims) - {"direction"} == set(axes)
    at_n = jax.jit(lambda model, ridge: theory.expected_distance(model, 60.0, ridge_x=ridge, ridge_y=0.5))
    for ridge in axes["ridge_x"]:
        for nu in axes["nu"]:
            cell, model = dataset.sel(ridge_x=ridge, nu=nu), model_at(spec_of(dataset), ridge_x=ridge, nu=nu)
            np.testing.assert_allclose([cell.expected_ca, cell.expected_cp], at_n(model, ridge), atol=1e-9)
            delta = [theory.square.separation(model, ridge_x=ridge, ridge_y=y) for y in (0.5, np.inf)]
            np.testing.assert_allclose([cell.delta_ca, cell.delta_cp], delta, rtol=1e-12)
            assert cell.regime == theory.regime(model, ridge_x=ridge, ridge_y=0.5)
            assert cell.exact_ca == theory.square.recovered(model, ridge_x=ridge, ridge_y=0.5) >= cell.recovered_ca
    fine = between(dataset)
    np.testing.assert_allclose(fine.delta_ca.sel(ridge_x=4.0, nu=0.9), dataset.delta_ca.sel(ridge_x=4.0, nu=0.9), rtol=1e-12)


def test_between_the_cells_that_are_computed_the_expectation_is_interpolated(foreseen, monkeypatch):
    monkeypatch.setattr("phasejax.experiments.spiked.expectation.POINTS", 9)
    fewer = expected(finished(axes__kappa=[0.0, 0.8, 2.0]))
    same = {"nu": [0, 2, 4]}
    np.testing.assert_allclose(fewer.expected_ca.isel(same), foreseen.expected_ca.isel(same), atol=1e-12)
    middle = (foreseen.margin_cp.isel(nu=2) + foreseen.margin_cp.isel(nu=4)) / 2
    np.testing.assert_allclose(fewer.margin_cp.isel(nu=3), middle, atol=1e-12)


def test_a_curve_shows_measurement_and_expectation_and_where_the_ratio_crosses_one(foreseen):
    curve = foreseen.isel(kappa=2)
    ax = plot.recovery_curve(Figure().add_subplot(), curve, "ca")
    named = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_array_equal(named["CA measured"], curve.distance_ca)
    np.testing.assert_array_equal(named["CA expected at n"], curve.expected_ca)
    marked = [line.get_xdata()[0] for line in plot.unity_marks(Figure().add_subplot(), between(curve)).lines]
    critical = theory.critical_nu(model_at(spec_of(curve), kappa=2.0, nu=0.0))
    np.testing.assert_allclose(marked, [v for v in critical if v < 1], atol=0.003)
    assert len(drawn(finished(axes={"nu": [0.0, 0.5, 1.0]}, model__kappa=2.0)).axes) == 1


def test_a_report_loads_nothing_that_sweeps_are_kept_with():
    program = "import sys, phasejax.diagnosis.report; print(*{'optax', 'pydantic', 'xarray', 'zarr'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "\n"
