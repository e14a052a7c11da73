"""Arrays from .npy, .npz, .safetensors and HDF5 (AnnData and MuData among them); sizes are checked before they are taken."""

import math
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np

from phasejax.diagnosis.files.damage import BadFile, reading
from phasejax.memory import affordable

_ONE_THING = ("csr_matrix", "csc_matrix", "categorical", "nullable-integer", "nullable-boolean", "nullable-string-array")


def npy(path: Path, part: str | None) -> np.ndarray:
    """The array of a .npy file."""
    if part is not None:
        raise BadFile(f"{path} holds one array: no part {part!r} can be chosen.")
    with path.open("rb") as stream:
        return _array(path, stream, path.stat().st_size)


def npz(path: Path, part: str | None) -> np.ndarray:
    """One array of a .npz archive."""
    with reading(path, "NumPy archive", zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        info = members[_chosen(path, members, part)]
        with archive.open(info) as stream:
            return _array(path, stream, info.file_size)


def _array(path: Path, stream: IO[bytes], size: int) -> np.ndarray:
    """An array in NumPy's format, from a stream of `size` bytes, which its header must not exceed."""
    with reading(path, "NumPy array", SyntaxError, TokenError, MemoryError):
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = header(stream)
    if dtype.hasobject:
        raise BadFile(f"{path} holds Python objects, which are never loaded: save an array of numbers or of text.")
    count = math.prod(shape)
    if dtype.itemsize == 0 or any(length < 0 for length in shape) or count * dtype.itemsize > size:
        raise BadFile(f"{path} is damaged: it claims {' × '.join(map(str, shape))} entries, more than it holds.")
    affordable(f"{path}", count * dtype.itemsize)
    data = stream.read(count * dtype.itemsize)
    if len(data) < count * dtype.itemsize:
        raise BadFile(f"{path} is damaged: it ends before its array does.")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def safetensors(path: Path, part: str | None) -> np.ndarray:
    """One tensor of a .safetensors file."""
    from safetensors import SafetensorError, safe_open

    with reading(path, "safetensors file", SafetensorError), safe_open(path, framework="np") as tensors:
        return np.asarray(tensors.get_tensor(_chosen(path, tensors.keys(), part)))


def hdf5(path: Path, part: str | None) -> np.ndarray:
    """One element of an HDF5 file: a dataset, or in the encoding of AnnData and MuData a matrix or a column of `obs`.

    Sparse matrices come in full, categories as names, None or NaN where one is missing. Of MuData, `rna/obsm/X_pca` is short
    for `mod/rna/obsm/X_pca`.
    """
    import h5py
    from anndata.io import read_elem

    with reading(path, "HDF5 file"), h5py.File(path) as file:
        elements = _elements(file)
        short = {name.removeprefix("mod/"): name for name in elements}
        name = _chosen(path, elements, short.get(part, part) if part is not None else None)
        element = elements[name]
        alone = isinstance(element, h5py.Dataset)
        datasets = [element] if alone else [item for item in element.values() if isinstance(item, h5py.Dataset)]
        if any(dataset.external or dataset.is_virtual for dataset in datasets):
            raise BadFile(f"{path}:{name} keeps its numbers in other files: copy them into one.")
        stored = sum(math.prod(dataset.shape) * dataset.dtype.itemsize for dataset in datasets)
        affordable(f"{path}:{name}", max(stored, 8 * math.prod(map(int, element.attrs.get("shape", ())))))
        if alone:
            return np.asarray(element.asstr()[()] if h5py.check_string_dtype(element.dtype) else element[()])
        with warnings.catch_warnings(action="ignore"):  # anndata's own, about pandas
            value: Any = read_elem(element)
        return value.toarray() if hasattr(value, "toarray") else np.asarray(value, dtype=object)


def _elements(file) -> dict:
    """What can be read, by name: datasets, and groups that stand for one thing. Links to other files are not followed."""
    import h5py

    found, inside = {}, []

    def visit(name, item):
        if name.startswith(tuple(inside)) or name.endswith("_index"):
            inside.append(f"{name}/")
        elif isinstance(item, h5py.Dataset):
            found[name] = item
        elif item.attrs.get("encoding-type") in _ONE_THING:
            found[name] = item
            inside.append(f"{name}/")

    file.visititems(visit)
    return found


def _chosen(path: Path, names: Iterable[str], part: str | None) -> str:
    """The chosen name; without a part, the only one."""
    names = list(names)
    known = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    if part is None and len(names) != 1:
        raise BadFile(f"{path} holds {len(names)} arrays ({known}): choose one, as in {path.name}:NAME.")
    if part is not None and part not in names:
        raise BadFile(f"{path} holds no array {part!r}: it holds {known}.")
    return names[0] if part is None else part
