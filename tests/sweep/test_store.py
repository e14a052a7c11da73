"""A store is whole or pending, tile by tile; it resumes, and refuses to mix sweeps."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from specs import flat, raw, small

from phasejax.experiments.solved.engine import SolvedEngine
from phasejax.sweep import StoreError, load, parse_spec, run, spec_of
from phasejax.sweep.layout import PENDING, store_bytes
from phasejax.sweep.store import Store

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "small.zarr"
    return path, run(small(), path=path)


def values_of(dataset: xr.Dataset) -> xr.Dataset:
    return dataset.drop_attrs()


def test_what_is_written_is_what_is_read(finished):
    path, dataset = finished
    assert values_of(load(path)).identical(values_of(dataset))
    with xr.open_zarr(path, consolidated=False) as opened:
        assert set(opened.data_vars) == set(small().kind.variables(small())) | {"status", "checksum"}
    assert spec_of(dataset) == small()
    assert {"precision", "seed", "device", "versions", "formulation", "created"} <= set(dataset.attrs)
    assert dataset.nbytes == pytest.approx(store_bytes(small()), rel=0.1)


def test_a_store_in_memory_and_one_on_disk_hold_the_same(finished):
    in_memory, on_disk = run(small()), finished[1]
    assert in_memory.attrs.keys() == on_disk.attrs.keys()
    assert in_memory.identical(on_disk.assign_attrs(in_memory.attrs))


def test_a_large_store_is_read_as_it_is_used(finished, monkeypatch):
    path, dataset = finished
    monkeypatch.setattr("phasejax.sweep.store.WHOLE", 0)
    lazy = load(path)
    assert not any(lazy[name].variable._in_memory for name in lazy.data_vars)
    assert float(lazy.distance_ca[2, 0]) == float(dataset.distance_ca[2, 0])
    assert not lazy.distance_cp.variable._in_memory and lazy.identical(dataset)


def test_an_existing_store_is_never_overwritten(finished):
    path, dataset = finished
    with pytest.raises(StoreError, match=r"small\.zarr exists: add --resume"):
        run(small(), path=path)
    assert values_of(load(path)).identical(values_of(dataset))


def test_resuming_a_finished_sweep_computes_nothing(finished, monkeypatch):
    path, dataset = finished
    monkeypatch.setattr(SolvedEngine, "compile", None)
    assert values_of(run(small(), path=path, resume=True)).identical(values_of(dataset))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (dict(trials=7), "trials is 6 there and 7 here"),
        (dict(model__gamma_x=2.0), "model.gamma_x is 1.0 there and 2.0 here"),
        (dict(axes__nu=[0.0, 0.5]), "axes.nu is "),
        (dict(threshold=0.5), "threshold is 0.8 there and 0.5 here"),
    ],
)
def test_another_sweep_is_refused(finished, changes, sentence):
    with pytest.raises(StoreError, match="was made from another sweep") as caught:
        run(small(**changes), path=finished[0], resume=True)
    assert sentence in str(caught.value)


def test_another_precision_or_order_of_axes_is_refused(finished):
    with pytest.raises(StoreError, match="precision is 32 there and 64 here"):
        run(small(), path=finished[0], resume=True, precision=64)
    turned = raw()
    turned["axes"] = dict(reversed(turned["axes"].items()))
    with pytest.raises(StoreError, match="axes are in the order"):
        run(parse_spec(turned), path=finished[0], resume=True)


def test_what_is_not_a_store_is_said_to_be_none(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    zarr.create_group(tmp_path / "other.zarr")
    for name in ("missing", "file", "folder", "other.zarr"):
        with pytest.raises(StoreError, match="is not a sweep store"):
            load(tmp_path / name)
    assert not (tmp_path / "missing").exists()


def test_pending_tiles_are_those_without_status(tmp_path):
    provenance = {"spec": small().model_dump_json(), "precision": 32}
    Store.create(tmp_path / "s.zarr", small(), (1, 3), provenance)
    store = Store(tmp_path / "s.zarr")
    assert [p.name for p in tmp_path.iterdir()] == ["s.zarr"]
    regions = list(store.pending())
    assert len(regions) == 6 and store.cells_done() == 0
    assert sorted(map(str, [*store.pending(0, 2), *store.pending(1, 2)])) == sorted(map(str, regions))
    variables = small().kind.variables(small())
    part = {name: np.zeros((1, 3) + (2,) * len(extra), dtype) for name, (extra, dtype, _) in variables.items()}
    store.write(regions[1], {"distance_ca": part["distance_ca"][:, :2], "status": np.full((1, 2), PENDING)})
    assert len(list(store.pending())) == 6
    store.write(regions[0], part | {"status": np.zeros((1, 3))})
    assert len(list(store.pending())) == 5 and store.cells_done() == 3
    dataset = load(tmp_path / "s.zarr")
    assert np.isnan(dataset.distance_ca.values[1, 0]) and dataset.status.values[1, 0] == PENDING


def test_a_full_disk_leaves_an_openable_store(tmp_path, monkeypatch):
    path = tmp_path / "s.zarr"
    write = Store._array
    calls = []

    def full(self, name):
        calls.append(name)
        if len(calls) > 40:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(self, name)

    tile_by_tile(monkeypatch)
    monkeypatch.setattr(Store, "_array", full)
    with pytest.raises(StoreError, match=r"cannot be written: No space left on device.*--resume"):
        run(small(), path=path)
    monkeypatch.setattr(Store, "_array", write)
    done = load(path).status.values != PENDING
    assert 0 < done.sum() < done.size
    resumed = run(small(), path=path, resume=True)
    assert values_of(resumed).identical(values_of(run(small())))


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"file/s\.zarr cannot be created: "):
        run(small(), path=tmp_path / "file" / "s.zarr")


def tile_by_tile(monkeypatch):
    """Tiles of one cell."""
    monkeypatch.setattr("phasejax.sweep.running.tile_shape", lambda shape, target: (1,) * len(shape))


def test_a_sweep_killed_anywhere_ends_as_if_it_had_not_been(tmp_path, monkeypatch):
    tile_by_tile(monkeypatch)
    uninterrupted = values_of(run(small(), path=tmp_path / "whole.zarr"))
    np.savez(tmp_path / "intact.npz", **flat(uninterrupted))
    process = subprocess.run([sys.executable, HERE / "dying_sweep.py", tmp_path, "0"], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    history = [int(done) for done in process.stdout.split()]
    assert len(history) > 10 and history == sorted(history) and history[-1] == 15
    assert values_of(load(tmp_path / "small.zarr")).identical(uninterrupted)
