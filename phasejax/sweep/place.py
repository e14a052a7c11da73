"""Where a store is: in a folder, or under the keys of an object store (`s3://`, `gs://`, `az://`, `memory://`).

A folder can rename, lock and say what has reached its disk. An object store need not: what is put there is whole or absent, and
the order of the puts, with the checksums of `integrity`, is all that a store asks of it.
"""

import os
import shutil
import uuid
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from zarr.abc.store import Store as Keys
from zarr.storage import LocalStore, ObjectStore

UNFINISHED = "unfinished"
"""The one attribute of a store whose arrays are not all laid out."""

RECORD = "zarr.json"


class StoreError(RuntimeError):
    """A store that cannot be created, continued or read, in one sentence."""


class Folder:
    """A store in a folder of this machine, or in one that several share."""

    def __init__(self, path: Path):
        self._path = path
        self.keys: Keys = LocalStore(path)

    def __str__(self) -> str:
        return str(self._path)

    @property
    def address(self) -> str:
        """What another process calls it."""
        return str(self._path.absolute())

    def exists(self) -> bool:
        """Whether anything has this name."""
        return self._path.exists()

    def identity(self) -> Hashable:
        """What is another once the store was replaced, None once it is gone."""
        return self._path.stat().st_ino if (self._path / RECORD).exists() else None

    def begin(self, lay_out: Callable[[Keys], None]) -> None:
        """Lay a store out. It appears under its name only once it is whole. **Raises:** `OSError`, leaving nothing behind."""
        draft = self._path.with_name(f".{self._path.name}.{uuid.uuid4().hex[:8]}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lay_out(LocalStore(draft))
            _settle(file for file in draft.rglob("*") if file.is_file())
            draft.rename(self._path)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            raise

    def read(self, key: str) -> bytes:
        """What is under a key. **Raises:** `FileNotFoundError` if nothing is."""
        return (self._path / key).read_bytes()

    def settle(self, keys: Iterable[str]) -> None:
        """Return once these keys, where they are there, have reached the disk."""
        _settle(self._path / key for key in keys)

    def discard(self, key: str) -> None:
        """Remove a key and all below it."""
        path = self._path / key
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    @contextmanager
    def alone(self, on_notice: Callable[[str], None]) -> Iterator[None]:
        """Hold the folder against other processes of this machine; where one holds it, say so and wait."""
        try:
            import fcntl
        except ImportError:  # where there is no such lock, the order of writes alone must do
            yield
            return
        handle = os.open(self._path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_notice(f"{self} is being computed by another process: waiting for it to end.")
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


class _Objects(ObjectStore):
    """Without puts under a condition, which some servers refuse and others ignore: a record would be put over. And with a name
    of its own: obstore cannot print a store whose account is the environment's."""

    set_if_not_exists = Keys.set_if_not_exists

    def __str__(self) -> str:
        return type(self.store).__name__


class Bucket:
    """A store under the keys of an object store. Whoever reads it sees each put whole, and in any order."""

    def __init__(self, url: str):
        self._url = url.rstrip("/")
        self.objects = _objects(self._url)
        self.keys: Keys = _Objects(self.objects)

    def __str__(self) -> str:
        return self._url

    @property
    def address(self) -> str:
        """What another process calls it."""
        return self._url

    def exists(self) -> bool:
        """Whether anything is here but a store that was never laid out to the end."""
        try:
            return f'"{UNFINISHED}"'.encode() not in self.read(RECORD)  # within a text of it the quotes would be escaped
        except FileNotFoundError:
            return False

    def identity(self) -> Hashable:
        """What is another once the store was replaced, None once it is gone."""
        import obstore

        try:
            return obstore.head(self.objects, RECORD)["e_tag"]
        except FileNotFoundError:
            return None

    def begin(self, lay_out: Callable[[Keys], None]) -> None:
        """Lay a store out; the record comes last, and without it there is none."""
        lay_out(self.keys)

    def read(self, key: str) -> bytes:
        """What is under a key. **Raises:** `FileNotFoundError` if nothing is."""
        import obstore

        return bytes(obstore.get(self.objects, key).bytes())

    def settle(self, keys: Iterable[str]) -> None:
        """A put has returned once the object is kept."""

    def discard(self, key: str) -> None:
        """Remove a key and all below it."""
        import obstore

        below = [entry["path"] for part in obstore.list(self.objects, prefix=key) for entry in part]
        for path in (key, *below):
            with suppress(FileNotFoundError):
                obstore.delete(self.objects, path)

    @contextmanager
    def alone(self, on_notice: Callable[[str], None]) -> Iterator[None]:
        """Nothing can be held: two that compute one store write the same cells, or cells that their checksums disown."""
        yield


def place(at: str | Path) -> Folder | Bucket:
    """The place of a path or a URL. **Raises:** `StoreError` if there is no such kind of store, or its library is missing."""
    return Bucket(str(at)) if is_url(at) else Folder(Path(at))


def is_url(at: str | Path) -> bool:
    """Whether this is a URL of an object store; a path otherwise."""
    return isinstance(at, str) and "://" in at


@contextmanager
def reached(at: str | Path) -> Iterator[None]:
    """What an object store raises becomes a `StoreError` of one sentence."""
    if not is_url(at):
        yield
        return
    _objects(at)
    from obstore.exceptions import BaseError

    try:
        yield
    except BaseError as error:
        raise StoreError(f"{at} cannot be reached: {reason(error)}. What is done is kept; --resume continues.") from error


def reason(error: Exception) -> str:
    """Why, in a few words: the system's own, or those that a library begins with."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.splitlines()[0].strip().rstrip(".")[:200]


@contextmanager
def file_at(target: str | Path) -> Iterator[Path]:
    """A file to write, which is `target` itself where that is a path, and is put there after the block where it is a URL."""
    if not is_url(target):
        yield Path(target)
        return
    import obstore

    folder, _, name = str(target).rpartition("/")
    with TemporaryDirectory() as scratch, reached(folder):
        yield Path(scratch, name)
        obstore.put(_objects(folder), name, Path(scratch, name))


@cache  # connections are kept, and so is what `memory://` holds, for as long as this process lives
def _objects(url: str):
    try:
        from obstore.store import MemoryStore, from_url
    except ImportError:
        raise StoreError(f"{url} needs the extra cloud: pip install 'phasejax[cloud]'.") from None
    if url.startswith("memory://"):
        return MemoryStore()
    try:
        return from_url(url, retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=60)})
    except Exception as error:  # obstore's own, a URL's, a missing setting's
        raise StoreError(f"{url} is no object store that can be used: {reason(error)}.") from error


def _settle(files: Iterable[Path]) -> None:
    """Return once the files, where there are any, and their names have reached the disk."""
    there = [path for path in files if path.exists()]
    with ThreadPoolExecutor(16) as pool:  # what is asked for together a file system's journal commits together
        list(pool.map(_sync, (*there, *{path.parent for path in there})))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
