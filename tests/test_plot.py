"""Figures show the numbers they are given."""

import subprocess
import sys

import matplotlib.colors
import numpy as np
import pytest
from matplotlib.figure import Figure
from specs import small

from phasejax import SpikedModel, plot, theory
from phasejax.solvers import Status
from phasejax.sweep import run
from phasejax.theory import Regime


@pytest.fixture(scope="module")
def diagram():
    span = {"start": 0.2, "stop": 3.0, "num": 29}
    return run(small(trials=1, axes={"kappa": span, "nu": {"start": 0.0, "stop": 1.0, "num": 41}}))


def test_regions_are_painted_in_their_own_colours(diagram):
    ax = plot.regions(Figure().add_subplot(), diagram)
    mesh = ax.collections[0]
    painted = mesh.to_rgba(mesh.get_array()).reshape(41, 29, 4)
    wanted = [matplotlib.colors.to_rgba(plot.REGIME_COLORS[Regime(int(code))]) for code in diagram.regime.values.T.ravel()]
    np.testing.assert_allclose(painted.reshape(-1, 4), wanted)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("spike strength κ", "nuisance correlation ν")


def test_boundaries_lie_where_theory_puts_them(diagram):
    ax = plot.boundaries(Figure().add_subplot(), diagram)
    for contour, which in zip(ax.collections, ("ca", "cp"), strict=True):
        vertices = np.concatenate([path.vertices for path in contour.get_paths()])
        assert len(vertices) > 20
        for kappa, nu in vertices[vertices[:, 1] > 0.05]:
            model = SpikedModel.homogeneous(
                d=5, k=2, kappa=kappa, nu=0, gamma_x=1.0, gamma_y=0.1, gamma_tilde_x=1.0, gamma_tilde_y=4.0
            )
            assert abs(getattr(theory.critical_nu(model), which) - nu) < 0.025  # one cell


def test_flagged_cells_are_crossed(diagram):
    flagged = diagram.copy(deep=True)
    flagged.status.values[3, 4] = Status.NONFINITE
    (line,) = plot.failures(Figure().add_subplot(), flagged).lines
    np.testing.assert_allclose(line.get_xydata(), [[flagged.kappa[3], flagged.nu[4]]])
    assert not plot.failures(Figure().add_subplot(), diagram).lines


def test_the_greys_of_the_regions_differ():
    grey = sorted(np.dot(matplotlib.colors.to_rgb(color), [0.299, 0.587, 0.114]) for color in plot.REGIME_COLORS.values())
    assert min(np.diff(grey)) > 0.05


def test_one_two_three_and_four_axes_have_a_figure(tmp_path):
    axes = {"kappa": [0.5, 1.5], "nu": [0.1, 0.9], "quality_x": [0.5, 1.0], "n": [50, 500]}
    base = dict(trials=2, model__gamma_x=None, model__n=None)
    for count, panels in ((1, 1), (2, 2), (3, 4), (4, 8)):
        swept = dict(list(axes.items())[:count])
        fixed = {f"model__{name}": values[-1] for name, values in axes.items() if name not in swept}
        figure = plot.sweep_figure(run(small(axes=swept, **(base | fixed))))
        assert len(figure.axes) == panels
        plot.save(figure, tmp_path / f"{count}.png")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1.png", "2.png", "3.png", "4.png"]


def test_a_curve_marks_where_its_ratio_crosses_one():
    dataset = run(small(trials=2, axes={"nu": {"start": 0.0, "stop": 1.0, "num": 21}}, model__kappa=2.0))
    ax = plot.recovery_curve(Figure().add_subplot(), dataset, "ca")
    crossing = np.flatnonzero(dataset.delta_ca.values <= 1)[0]
    marked = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"]
    np.testing.assert_allclose(marked, [dataset.nu.values[crossing - 1 : crossing + 1].mean()])


def test_a_report_loads_nothing_that_sweeps_are_kept_with():
    program = "import sys, phasejax.diagnosis.report; print(*{'optax', 'pydantic', 'xarray', 'zarr'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "\n"
