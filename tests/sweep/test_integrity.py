"""Whatever happens to the files of a store, nothing wrong is read from it, and `--resume` makes it whole or says why not."""

import errno
import json
import os
import shutil
import threading
import time
from pathlib import Path

import jax
import numpy as np
import pytest
import zarr
from matplotlib.figure import Figure
from specs import flat, raw, remembered, small, toml
from typer.testing import CliRunner
from zarr.storage import _local

from phasejax.cli import app
from phasejax.experiments.solved.engine import SolvedEngine
from phasejax.sweep import StoreError, load, run
from phasejax.sweep.layout import PENDING
from phasejax.sweep.place import place

ROUNDS, AT_ONCE = 10, 6


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished store of tiles of one row, and what it holds."""
    path = tmp_path_factory.mktemp("whole") / "small.zarr"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("phasejax.sweep.running.tile_shape", lambda shape, target: (1, shape[1]))
        return path, run(small(), path=path).drop_attrs()


@pytest.fixture
def copy(whole, tmp_path):
    return Path(shutil.copytree(whole[0], tmp_path / "small.zarr"))


WAYS = ("flip", "cut", "empty", "zeros", "noise", "delete", "longer", "copied", "folder gone")


def damage(path: Path, rng: np.random.Generator, file: Path | None = None, way: str = "") -> str:
    """Damage one file of a store in one of nine ways; of those below its record, if none is given."""
    files = sorted(file for file in path.rglob("*") if file.is_file() and file.parent != path)
    chunks = [file for file in files if file.name != "zarr.json"]
    file = file or rng.choice(np.array(files if rng.random() < 0.4 else chunks))
    content, other = bytearray(file.read_bytes()), chunks[rng.integers(len(chunks))]
    place = int(rng.integers(max(1, len(content))))
    way = way or WAYS[rng.integers(len(WAYS))]
    match way:
        case "flip":
            content[place : place + 1] = bytes([content[place] ^ 1 << int(rng.integers(8))]) if content else b"x"
        case "cut":
            del content[place:]
        case "empty":
            content.clear()
        case "zeros":
            content = bytearray(len(content))
        case "noise":
            content[place : place + 8] = rng.bytes(len(content[place : place + 8]))
        case "longer":
            content += rng.bytes(9)
        case "copied" if other != file:
            content = bytearray(other.read_bytes())
    match way:
        case "delete":
            file.unlink()
        case "folder gone":
            shutil.rmtree(file.parent)
        case _:
            file.write_bytes(content)
    return f"{way} {file.relative_to(path)}"


def test_no_corruption_is_silent_or_final(whole, tmp_path, monkeypatch):
    monkeypatch.setattr("phasejax.sweep.running.engine_for", remembered(flat(whole[1])))
    monkeypatch.setattr("os.fsync", lambda handle: None)  # it is not the machine that fails here
    intact, path, rng = whole[1], tmp_path / "s.zarr", np.random.default_rng(0)
    shutil.copytree(whole[0], path)
    for _ in range(ROUNDS):
        what = [damage(path, rng) for _ in range(AT_ONCE)]
        try:
            read = load(path)
            for name, values in read.data_vars.items():
                done = read.status.values != PENDING
                assert np.array_equal(values.values[done], intact[name].values[done], equal_nan=True), what
        except StoreError as error:
            assert str(path) in str(error), what
        notices = []
        assert run(small(), path=path, resume=True, on_notice=notices.append).drop_attrs().identical(intact), what
        assert len(notices) <= 1 and all(str(path) in notice for notice in notices)


@pytest.mark.parametrize("way", ["flip", "cut", "empty", "zeros", "noise", "delete"])
def test_a_damaged_record_is_a_sentence(copy, way):
    """The record cannot be made again: it alone says what the store is of."""
    for seed in range(4):
        path = Path(shutil.copytree(copy, copy.with_name(f"{seed}.zarr")))
        damage(path, np.random.default_rng(seed), path / "zarr.json", way)
        with pytest.raises(
            StoreError, match=rf"{seed}\.zarr (is not a sweep store|has a record of how it was made|is damaged)"
        ):
            load(path)


def test_a_wrong_copy_of_the_metadata_is_seen_and_made_again(whole, copy):
    """Other readers go by it: with another fill value in it they would find other numbers where a chunk is gone."""
    record = json.loads((copy / "zarr.json").read_text())
    record["consolidated_metadata"]["metadata"]["delta_ca"]["fill_value"] = 1.0
    (copy / "zarr.json").write_text(json.dumps(record))
    with pytest.raises(StoreError, match=r"small\.zarr is damaged: the copy of all metadata is missing or not as it was made"):
        load(copy)
    notices = []
    assert run(small(), path=copy, resume=True, on_notice=notices.append).drop_attrs().identical(whole[1])
    assert notices == [f"{copy}: the copy of all metadata was missing or not as it was made."]
    assert load(copy).drop_attrs().identical(whole[1])


def test_values_have_reached_the_disk_before_the_status_that_vouches_for_them(whole, tmp_path, monkeypatch):
    path, kept, events, put = tmp_path / "s.zarr", {}, [], _local._put
    monkeypatch.setattr("phasejax.sweep.running.engine_for", remembered(flat(whole[1])))
    monkeypatch.setattr("phasejax.sweep.running.tile_shape", lambda shape, target: (1, shape[1]))
    monkeypatch.setattr("os.fsync", lambda handle: kept.setdefault(os.fstat(handle).st_ino, len(events)))
    monkeypatch.setattr(_local, "_put", lambda file, *args, **options: events.append(file) or put(file, *args, **options))
    run(small(), path=path)
    for tile in range(3):
        vouched = events.index(path / "status" / "c" / f"{tile}" / "0")
        values = [
            file for file in path.glob(f"*/c/{tile}/**/*") if file.is_file() and file.relative_to(path).parts[0] != "status"
        ]
        assert len(values) == len(whole[1].data_vars)  # without status, with checksums
        assert all(kept[there.stat().st_ino] <= vouched for file in values for there in (file, file.parent))


def test_chunks_carry_a_checksum_that_any_reader_verifies(copy):
    chunk = copy / "distance_ca" / "c" / "0" / "0"
    content = bytearray(chunk.read_bytes())
    content[-6] ^= 1
    chunk.write_bytes(content)
    with pytest.raises(ValueError, match="checksum"):
        zarr.open_group(copy)["distance_ca"][...]
    with pytest.raises(StoreError, match=r"small.zarr is damaged in 1 of its tiles: its sweep, with --resume"):
        load(copy)


def test_a_damaged_tile_is_named_and_only_it_is_computed_again(whole, copy, monkeypatch):
    for name in ("delta_ca", "distance_ca"):
        shutil.copy(copy / name / "c" / "0" / "0", copy / name / "c" / "2" / "0")  # whole, but another tile's
    computed, measure = [], SolvedEngine.measure
    monkeypatch.setattr(SolvedEngine, "measure", lambda self, cells: computed.append(cells) or measure(self, cells))
    notices = []
    assert run(small(), path=copy, resume=True, on_notice=notices.append).drop_attrs().identical(whole[1])
    assert notices == [f"{copy}: 1 damaged tiles (at kappa = 2 nu = 0) are computed again."]
    assert np.concatenate(computed).tolist() == [10, 11, 12, 13, 14]


def test_an_edited_record_is_one_sentence(copy):
    record = json.loads((copy / "zarr.json").read_text())
    for field, value in (("seed", 4), ("device", "abacus"), ("spec", "{}"), ("precision", "64")):
        edited = json.loads(json.dumps(record))
        edited["attributes"][field] = value
        (copy / "zarr.json").write_text(json.dumps(edited))
        with pytest.raises(StoreError, match=r"small.zarr has a record of how it was made that was edited"):
            run(small(), path=copy, resume=True)


def test_edited_axes_are_written_again_and_named(whole, copy):
    zarr.open_group(copy, mode="r+")["nu"][1] = 0.2
    with pytest.raises(StoreError, match=r"small.zarr is damaged: nu is missing or not as it was made"):
        load(copy)
    notices = []
    assert run(small(), path=copy, resume=True, on_notice=notices.append).drop_attrs().identical(whole[1])
    assert notices == [f"{copy}: nu was missing or not as it was made."]


def test_check_says_whether_a_store_is_whole(copy):
    def check():
        return CliRunner().invoke(app, ["check", str(copy)])

    result = check()
    assert result.exit_code == 0 and "small: 15 cells of kappa (3), nu (5)" in result.stdout
    assert "whole: 15 cells computed" in result.stdout
    (copy / "delta_ca" / "c" / "0" / "0").unlink()
    result = check()
    assert result.exit_code == 1 and "damaged: 1 tiles" in result.stdout
    shutil.rmtree(copy / "delta_ca")
    assert "damaged: delta_ca: missing or not as made" in check().stdout
    shutil.rmtree(copy)
    result = check()
    assert result.exit_code == 2 and len(result.stderr.splitlines()) == 1 and "is not a sweep store" in result.stderr


@pytest.mark.parametrize("how", ["removed", "renamed", "replaced"])
def test_a_store_that_goes_away_while_it_is_computed_is_a_sentence(whole, tmp_path, monkeypatch, how):
    path = tmp_path / "s.zarr"
    monkeypatch.setattr("phasejax.sweep.running.tile_shape", lambda shape, target: (1, shape[1]))

    def meanwhile(progress):
        if path.exists() and progress.cells_done == 5:
            path.rename(tmp_path / "moved.zarr")
            if how == "removed":
                shutil.rmtree(tmp_path / "moved.zarr")
            if how == "replaced":
                shutil.copytree(whole[0], path)

    with pytest.raises(StoreError, match=r"s.zarr was removed, renamed or replaced while it was computed"):
        run(small(), path=path, on_progress=meanwhile)
    assert path.exists() == (how == "replaced")


def test_one_writer_at_a_time_and_the_others_say_that_they_wait(whole, copy):
    shutil.rmtree(copy / "delta_ca" / "c")
    notices, results = [], []

    def resume():
        results.append(run(small(), path=copy, resume=True, on_notice=notices.append))

    with place(copy).alone(notices.append):
        threads = [threading.Thread(target=resume) for _ in range(2)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 60
        while len(notices) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        assert notices == [f"{copy} is being computed by another process: waiting for it to end."] * 2 and not results
    for thread in threads:
        thread.join(120)
    assert len(results) == 2 and all(result.drop_attrs().identical(whole[1]) for result in results)
    assert sum("damaged" in notice for notice in notices) == 1  # the second finds it whole


def refusing(monkeypatch, code: int):
    """A disk that takes no more files."""

    def put(*arguments, **options):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(_local, "_put", put)


def test_a_finished_store_on_a_disk_that_takes_nothing_is_read_and_resumed(whole, copy, monkeypatch):
    refusing(monkeypatch, errno.EROFS)
    assert load(copy).drop_attrs().identical(whole[1])
    assert run(small(), path=copy, resume=True).drop_attrs().identical(whole[1])
    (copy / "delta_ca" / "c" / "0" / "0").unlink()
    with pytest.raises(StoreError, match=r"small\.zarr cannot be written: Read-only file system"):
        run(small(), path=copy, resume=True, on_notice=print)


def test_a_full_disk_at_the_beginning_leaves_nothing_behind(tmp_path, monkeypatch):
    refusing(monkeypatch, errno.ENOSPC)
    with pytest.raises(StoreError, match=r"s\.zarr cannot be created: No space left on device\."):
        run(small(), path=tmp_path / "s.zarr")
    assert not any(tmp_path.iterdir())


def test_a_disk_that_is_full_at_the_figure_is_a_sentence_and_the_store_stays(whole, copy, tmp_path, monkeypatch):
    def savefig(self, path, **options):
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Figure, "savefig", savefig)
    (tmp_path / "spec.toml").write_text(toml(raw()))
    result = CliRunner().invoke(app, ["sweep", str(tmp_path / "spec.toml"), "--out", str(tmp_path), "--resume"])
    assert result.exit_code == 2
    assert result.stderr == f"phasejax: {tmp_path / 'small.png'} cannot be read or written: No space left on device.\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.zarr", "spec.toml"]
    assert load(copy).drop_attrs().identical(whole[1])


def test_a_folder_that_takes_no_files_is_a_sentence_before_any_work(copy, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: not mode & os.W_OK)
    (tmp_path / "spec.toml").write_text(toml(raw()))
    result = CliRunner().invoke(app, ["sweep", str(tmp_path / "spec.toml"), "--out", str(tmp_path), "--resume"])
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr == f"phasejax: --out {tmp_path} cannot be created: {tmp_path} does not take new files.\n"


def test_a_store_that_goes_on_on_other_devices_says_so(whole, copy, monkeypatch):
    (copy / "status" / "c" / "1" / "0").unlink()
    four = load(copy).attrs["device"]
    monkeypatch.setattr("phasejax.sweep.running.engine_for", remembered(flat(whole[1])))
    notices, one = [], tuple(jax.devices()[:1])
    run(small(), path=copy, resume=True, devices=one, on_notice=notices.append)
    assert notices == [f"{copy} was begun on {four} and goes on with 1 × cpu (cpu): their cells are equal to the last places."]
    assert load(copy).attrs["device"] == f"{four}, then 1 × cpu (cpu)"
    for path in ("1", "0"):
        (copy / "status" / "c" / path / "0").unlink()
        notices.clear()
        run(small(), path=copy, resume=True, devices=one, on_notice=notices.append)
        assert not notices
