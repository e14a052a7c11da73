"""A store under the keys of an object store is the store of a folder: begun, continued, checked and mended alike."""

import json
import shutil
import uuid

import numpy as np
import obstore
import pytest
from specs import flat, remembered, small
from typer.testing import CliRunner

from phasejax.cli import app
from phasejax.sweep import StoreError, load, run
from phasejax.sweep.layout import PENDING
from phasejax.sweep.place import Bucket, file_at, place
from phasejax.sweep.store import Store


@pytest.fixture(scope="module")
def intact():
    return run(small()).drop_attrs()


@pytest.fixture
def url(intact, monkeypatch):
    """A new name in an object store, and tiles of one row that cost nothing."""
    monkeypatch.setattr("phasejax.sweep.running.engine_for", remembered(flat(intact)))
    monkeypatch.setattr("phasejax.sweep.running.tile_shape", lambda shape, target: (1, shape[1]))
    return f"memory://{uuid.uuid4().hex}"


def objects(url: str) -> Bucket:
    found = place(url)
    assert isinstance(found, Bucket)
    return found


def keys(url: str) -> list[str]:
    return [entry["path"] for part in obstore.list(objects(url).objects) for entry in part]


def test_a_store_in_an_object_store_is_the_store_of_a_folder(url, intact, tmp_path):
    assert run(small(), path=url).drop_attrs().identical(intact) and load(url).drop_attrs().identical(intact)
    run(small(), path=tmp_path / "s.zarr")
    assert set(keys(url)) == {str(f.relative_to(tmp_path / "s.zarr")) for f in (tmp_path / "s.zarr").rglob("*") if f.is_file()}
    with pytest.raises(StoreError, match=rf"{url} exists: add --resume"):
        run(small(), path=url)
    with pytest.raises(StoreError, match=rf"{url} was made from another sweep: seed is 3 there and 4 here"):
        run(small(seed=4), path=url, resume=True)


def test_whatever_is_lost_there_is_seen_and_computed_again(url, intact):
    run(small(), path=url)
    everything, where, rng = keys(url), objects(url).objects, np.random.default_rng(0)
    for key in rng.permutation([key for key in everything if key != "zarr.json"])[::24]:
        content = bytes(obstore.get(where, key).bytes())
        for spoilt in (None, content[:-1], bytes(len(content))):
            obstore.delete(where, key) if spoilt is None else obstore.put(where, key, spoilt)
            said = []
            if not (spoilt is None and key.startswith("status/c/")):  # its cells are merely pending
                with pytest.raises(StoreError, match="is damaged"):
                    load(url)
                said = [url]
            notices = []
            assert run(small(), path=url, resume=True, on_notice=notices.append).drop_attrs().identical(intact), key
            assert [url for notice in notices if notice.startswith(url)] == said
    assert sorted(keys(url)) == sorted(everything)


def test_a_server_that_ignores_conditions_is_told_none(url, intact, monkeypatch):
    put = obstore.put_async

    async def heedless(*arguments, mode="overwrite", **options):
        return await put(*arguments, **options)

    monkeypatch.setattr(obstore, "put_async", heedless)
    run(small(), path=url)
    obstore.put(objects(url).objects, "delta_ca/zarr.json", b"{")
    notices = []
    assert run(small(), path=url, resume=True, on_notice=notices.append).drop_attrs().identical(intact)
    assert len(notices) == 1 and notices[0].startswith(f"{url}: delta_ca was missing or not as it was made; 3 damaged tiles")


def test_killed_between_any_two_puts_it_goes_on(url, intact, monkeypatch):
    """A put is whole or absent: what is left after the first n of them is what a kill leaves."""
    left = 0

    class Dead(BaseException):
        pass

    seen: list[int] = []
    keep = type(objects(url).keys)
    write = keep.set

    async def dying(self, key, value):
        nonlocal left
        left -= 1
        if left < 0:
            raise Dead
        await write(self, key, value)

    monkeypatch.setattr(keep, "set", dying)
    for first in range(0, 126, 14):
        at, left = f"{url}-{first}", first
        try:
            run(small(), path=at)
        except Dead:
            pass
        done = int((load(at).status != PENDING).sum()) if place(at).exists() else 0
        left = 10**9
        assert run(small(), path=at, resume=True).drop_attrs().identical(intact), first
        seen.append(done)
    assert seen == sorted(seen) and {0, 5, 10} <= set(seen)


def test_a_store_that_is_replaced_or_removed_meanwhile_is_a_sentence(url):
    def meanwhile(progress):
        obstore.delete(objects(url).objects, "zarr.json")

    with pytest.raises(StoreError, match="was removed, renamed or replaced while it was computed"):
        run(small(), path=url, on_progress=meanwhile)


def test_the_command_line_takes_a_url(url, tmp_path):
    path = tmp_path / "small.toml"
    path.write_text("")
    shutil.rmtree(tmp_path)
    assert place(url).exists() is False
    with file_at(f"{url}/figure.txt") as file:
        file.write_text("drawn")
    assert bytes(obstore.get(objects(url).objects, "figure.txt").bytes()) == b"drawn"
    run(small(), path=f"{url}/small.zarr")
    checked = CliRunner().invoke(app, ["check", f"{url}/small.zarr"])
    assert checked.exit_code == 0 and "whole: 15 cells" in checked.stdout
    assert Store(f"{url}/small.zarr").cells_done() == 15


@pytest.mark.parametrize("at", ["s3://printed/x", "gs://printed/x", "az://printed/x"])
def test_stores_of_every_kind_take_their_account_from_the_environment_and_can_be_printed(at, monkeypatch):
    """Zarr prints a store to name its arrays."""
    account = {"disable_oauth": True} | dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", json.dumps(account))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_ACCOUNT_NAME"):
        monkeypatch.setenv(name, "loopback")
    assert str(objects(at).keys).endswith("Store") and str(objects(at)) == at


@pytest.mark.parametrize("at", ["s4://bucket/x", "s3://", "memory//x://", "gs://b/x"])
def test_a_url_that_is_none_is_a_sentence(at, monkeypatch):
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", "/nonexistent")
    with pytest.raises(StoreError, match=r"is no object store that can be used|cannot be reached"):
        run(small(), path=at)
