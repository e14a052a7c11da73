"""Programs traced and lowered once, not in every process: as `jax.export` writes them, beside those that JAX keeps compiled.

A program's name tells all that it was traced from: the source of this package, the versions beneath it, JAX's configuration,
the shapes and places of its arguments. Of another one of these it is traced anew, and so it is where what was kept is damaged,
where nothing can be written or the source changed after it was loaded, and in any process but a command's: patches are seen.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox
import jax
import jaxlib
import numpy as np
from jax import export

from phasejax import runtime
from phasejax.whole import whole_file

__all__ = ["kept"]

_SUM = hashlib.blake2b().digest_size


def kept(function: Callable[..., Any], name: str, *arguments: Any) -> Callable[..., Any]:
    """`function`, or the program of it that was kept, to be compiled for arguments like these.

    `name` tells it, and what it closes over, from all others. Arguments and results are arrays in tuples and dictionaries.
    """
    folder = _folder()
    source = None if folder is None else _source()
    if folder is None or source is None:
        return function
    path = folder / f"{_digest(source, name, arguments)}.program"
    program = _read(path)
    if program is None:
        program = export.export(jax.jit(function))(*arguments)
        _write(path, program.serialize())
    return program.call


def _folder() -> Path | None:
    """Where programs are kept: beside those that JAX keeps compiled, by a command that has CPUs and is one process."""
    folder = jax.config.jax_compilation_cache_dir
    if not (runtime.is_command and jax.config.jax_enable_compilation_cache and folder) or "://" in folder:
        return None
    return Path(folder) if jax.default_backend() == "cpu" and jax.process_count() == 1 else None


def _source() -> bytes | None:
    """Digest of this package's source; None where it is not as it was loaded, or no folder of files."""
    digest, files = hashlib.blake2b(), sorted(Path(__file__).parent.rglob("*.py"))
    for file in files:
        stat = file.stat()
        if max(stat.st_mtime, stat.st_ctime) >= runtime.BEGAN:
            return None
        digest.update(file.read_bytes())
    return digest.digest() if files else None


def _digest(source: bytes, name: str, arguments: tuple) -> str:
    leaves, tree = jax.tree.flatten(arguments)
    shapes = [(np.shape(leaf), str(leaf.dtype), str(getattr(leaf, "sharding", None))) for leaf in leaves]
    versions = [module.__version__ for module in (jax, jaxlib, np, equinox)]
    configuration = sorted(jax.config.values.items()), jax.config.jax_enable_x64
    told = repr((name, str(tree), shapes, versions, configuration))
    return hashlib.blake2b(source + told.encode(), digest_size=16).hexdigest()


def _read(path: Path) -> export.Exported | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    whole = hashlib.blake2b(content[_SUM:]).digest() == content[:_SUM]
    return export.deserialize(bytearray(content[_SUM:])) if whole else None


def _write(path: Path, program: bytearray) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as draft:
            draft.write_bytes(hashlib.blake2b(program).digest() + program)
    except OSError:
        return  # it is traced again the next time
