"""What makes a store one that can be trusted: checksums of cells, a record that tells when it was edited, one writer at a time.

Chunks carry a checksum of their own (Zarr's crc32c), which every reader verifies. It cannot tell a chunk that was lost, or
exchanged for another one; the checksum of a cell can, since it is of the sweep, the cell's number and all its values.
"""

import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError, AssertionError)
"""What Zarr raises on files that are not as they were written."""


def digest(record: Mapping[str, Any]) -> int:
    """A checksum of a record of JSON values, whatever the order of its fields."""
    return zlib.crc32(json.dumps(record, sort_keys=True).encode())


def checksums(sweep: int, cells: np.ndarray, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """One checksum for each cell (…): of the sweep's own, the cell's number, and its values, each (…, further)."""
    parts = [cells.astype("<i8"), *(values[name] for name in sorted(values))]
    rows = [np.ascontiguousarray(part).reshape(cells.size, -1).view(np.uint8) for part in parts]
    found = [zlib.crc32(row.tobytes(), sweep) for row in np.hstack(rows)]
    return np.array(found, np.uint32).reshape(cells.shape)


def settle(files: Iterable[Path]) -> None:
    """Return once the files, where there are any, and their names have reached the disk."""
    there = [path for path in files if path.exists()]
    for path in (*there, *{path.parent for path in there}):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def discard(path: Path) -> None:
    """Remove whatever has this name."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def alone(folder: Path, on_notice: Callable[[str], None]) -> Iterator[None]:
    """Hold a folder against other processes of this machine; where one holds it, say so and wait."""
    try:
        import fcntl
    except ImportError:  # where there is no such lock, the order of writes alone must do
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_notice(f"{folder} is being computed by another process: waiting for it to end.")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
