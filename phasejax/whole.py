"""Files that are written whole or not at all, and never over something that is no plain file."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def replaceable(path: Path) -> bool:
    """Whether a file may take this name: nothing is there, or a plain file; no link, device, pipe or directory."""
    return not path.is_symlink() and (path.is_file() or not path.exists())


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A draft beside `path`, of a random name and the same suffix, that takes its place once the block ends without an error.

    What is written has reached the disk before the name changes hands; after an error nothing is left behind.

    **Raises:** `FileExistsError` if a link, a device, a pipe or a directory has the name, and any `OSError` naming `path`.
    """
    draft = path
    try:
        handle, name = tempfile.mkstemp(prefix=".", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        draft = Path(name)
        yield draft
        draft.chmod(0o666 & ~_umask())  # a temporary file is its owner's alone
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        if not replaceable(path):
            raise FileExistsError(errno.EEXIST, "a link, a device, a pipe or a directory has this name", str(path))
        draft.replace(path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise
    finally:
        if draft is not path:
            draft.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
