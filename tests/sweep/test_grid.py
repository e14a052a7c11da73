"""Cells, models and tiles."""

import math

import jax
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from specs import small

from phasejax import SpikedModel
from phasejax.experiments.spiked import model_at
from phasejax.sweep.grid import Grid, tile_shape, tiles

shapes = st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple)


@given(shapes, st.integers(1, 200))
def test_tiles_cut_the_grid_into_runs_of_consecutive_cells(shape, target):
    block = tile_shape(shape, target)
    numbering = np.arange(math.prod(shape)).reshape(shape)
    assert math.prod(block) <= target
    seen = []
    for region in tiles(shape, block):
        cells = numbering[region].ravel()
        np.testing.assert_array_equal(np.diff(cells), 1)
        seen.append(cells)
    np.testing.assert_array_equal(np.concatenate(seen), np.arange(numbering.size))


@given(shapes)
def test_a_large_target_takes_the_whole_grid(shape):
    assert tile_shape(shape, math.prod(shape)) == shape


def test_the_last_axis_varies_fastest():
    grid = Grid(small())
    swept = grid.parameters(np.arange(grid.size))
    assert grid.shape == (3, 5) and grid.size == 15
    np.testing.assert_allclose(swept["kappa"], np.repeat([0.0, 0.8, 2.0], 5))
    np.testing.assert_allclose(swept["nu"], np.tile(np.linspace(0, 1, 5), 3))


def assert_same_model(one: SpikedModel, other: SpikedModel):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_a_cell_is_the_model_its_parameters_say():
    spec = small(model__d_y=7)
    model = model_at(spec, kappa=1.5, nu=0.5)
    fixed = dict(d=5, d_y=7, k=2, gamma_x=1.0, gamma_y=0.1, gamma_tilde_x=1.0, gamma_tilde_y=4.0)
    assert_same_model(model, SpikedModel.homogeneous(kappa=1.5, nu=0.5, **fixed))
    assert model.d_y == 7


def test_qualities_and_spread_become_noise_and_spikes():
    spec = small(model__gamma_x=None, axes={"kappa": [2.0], "quality_x": [0.8], "spread": [0.5], "nu": [0.1]})
    model = model_at(spec, kappa=2.0, quality_x=0.8, spread=0.5, nu=0.1)
    np.testing.assert_allclose(model.kappa, [2.0, 1.0])
    np.testing.assert_allclose(model.quality_x, 0.8)


def test_hold_decides_what_follows_the_nuisance_variance():
    axes = {"kappa": [1.0], "gamma_tilde_y": [1.0, 9.0]}
    for hold, expected in (("nu", [0.5, 1.5]), ("eta", [0.5, 0.5])):
        spec = small(hold=hold, model__gamma_tilde_y=None, axes=axes, **{f"model__{hold}": 0.5})
        etas = [model_at(spec, kappa=1.0, gamma_tilde_y=value).eta[0] for value in (1.0, 9.0)]
        np.testing.assert_allclose(etas, expected)
