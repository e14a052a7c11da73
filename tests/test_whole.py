"""Files are written whole or not at all, and never over a link, a pipe, a directory or an input."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from phasejax.cli import app
from phasejax.cli.shared import Mistake, checked_file
from phasejax.whole import replaceable, whole_file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_whole_with_ordinary_permissions(tmp_path):
    path = tmp_path / "a.txt"
    for text in ("first", "second"):
        with whole_file(path) as draft:
            assert draft.suffix == ".txt" and draft.parent == tmp_path and draft != path
            draft.write_text(text)
            assert not path.exists() or path.read_text() == "first"
        assert path.read_text() == text and names(tmp_path) == ["a.txt"]
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("error", [RuntimeError("no ink"), OSError(errno.ENOSPC, "No space left on device")])
def test_after_an_error_the_old_file_stands_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(type(error)) as caught, whole_file(path) as draft:
        draft.write_text("half")
        raise error
    assert path.read_text() == "old" and names(tmp_path) == ["a.txt"]
    assert not isinstance(error, OSError) or caught.value.filename == str(path)


def test_what_is_written_reaches_the_disk_before_the_name_changes_hands(tmp_path, monkeypatch):
    path, happened = tmp_path / "a.txt", []
    fsync, replace = os.fsync, Path.replace

    def synced(handle):
        happened.append(("disk", os.fstat(handle).st_size))
        fsync(handle)

    def replaced(draft, target):
        happened.append(("name", draft.stat().st_size))
        return replace(draft, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    with whole_file(path) as draft:
        draft.write_text("whole")
    assert happened == [("disk", 5), ("name", 5)]


def test_two_writers_at_once_both_write_whole_files(tmp_path):
    path = tmp_path / "a.txt"
    with whole_file(path) as one, whole_file(path) as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one" and names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "folder"])
def test_what_is_no_plain_file_is_never_replaced(tmp_path, kind):
    path, target = tmp_path / "out", tmp_path / "target"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case _:
            path.symlink_to(target)
            if kind == "link":
                target.write_text("kept")
    before = os.lstat(path)
    assert not replaceable(path)
    with pytest.raises(Mistake, match="out cannot be written: a plain file"):
        checked_file(path, "--json")
    with pytest.raises(FileExistsError), whole_file(path) as draft:
        draft.write_text("new")
    assert os.lstat(path).st_ino == before.st_ino and os.lstat(path).st_mode == before.st_mode
    assert kind != "link" or target.read_text() == "kept"


def test_an_output_never_takes_the_place_of_an_input(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.save("x.npy", rng.normal(size=(40, 3)))
    np.savez("p.npz", y=rng.normal(size=(40, 3)), z=rng.normal(size=40))
    os.link("x.npy", "same.npy")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for output in ("x.npy", "./p.npz", "same.npy"):
        for option in ("--json", "--report"):
            result = CliRunner().invoke(app, ["diagnose", "x.npy", "p.npz:y", "--labels", "p.npz:z", option, output])
            assert result.exit_code == 2 and f"{option} {Path(output)} is read by this very command" in result.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
