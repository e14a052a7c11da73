"""Tables from text (.csv, .tsv, .jsonl) and from Arrow (.parquet, .feather, .arrow)."""

import csv as text
import gzip
import re
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pandas as pd

from phasejax.diagnosis.files.damage import reading
from phasejax.memory import affordable

_DECIMAL_POINT, _DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+\.\d+\s*"), re.compile(r"\s*[+-]?\d+,\d+\s*")
_LOOKED_AT = 50  # lines that tell how a text file is written
_FOLD = 1 << 20


def csv(path: Path) -> pd.DataFrame:
    """A table of text, its columns separated by commas, semicolons or tabs; gzip is undone.

    Semicolons and tabs allow decimal commas. A first line of numbers is data, unless it numbers the columns.
    """
    with reading(path, "table of separated values in UTF-8", text.Error):  # pandas' parser errors are ValueErrors
        if path.suffix.lower() == ".gz":
            _check_unfolded(path)
        with _opened(path) as stream:
            separator, decimal = _how_written(list(islice(stream, _LOOKED_AT)), tabs=".tsv" in path.name.lower())
        with _opened(path) as stream:
            first = pd.read_csv(stream, header=None, nrows=1, sep=separator, decimal=decimal)
        bare = all(pd.api.types.is_numeric_dtype(kind) for kind in first.dtypes)
        bare = bare and not (first.shape[1] > 1 and np.array_equal(first.to_numpy()[0], np.arange(first.shape[1])))
        with _opened(path) as stream:
            return pd.read_csv(stream, header=None if bare else 0, low_memory=False, sep=separator, decimal=decimal)


def _opened(path: Path) -> IO[str]:
    return (gzip.open if path.suffix.lower() == ".gz" else open)(path, "rt", encoding="utf-8-sig", newline="")


def _check_unfolded(path: Path) -> None:
    """Refuse what unfolds to more text than memory could hold as a table."""
    size = 0
    with gzip.open(path) as stream:
        while block := stream.read(_FOLD):
            size += len(block)
            affordable(f"{path}", 4 * size)


def _how_written(lines: list[str], tabs: bool) -> tuple[str, str]:
    """Separator and decimal sign: the separator gives every line the same number of cells, more than one."""
    for separator in ("\t", ";", ",") if tabs else (";", "\t", ","):
        cells = [row for row in text.reader(lines, delimiter=separator) if row]
        if len({len(row) for row in cells}) == 1 and len(cells[0]) > 1:
            flat = [cell for row in cells for cell in row]
            commas = any(map(_DECIMAL_COMMA.fullmatch, flat)) and not any(map(_DECIMAL_POINT.fullmatch, flat))
            return separator, "," if commas and separator != "," else "."
    return ",", "."


def jsonl(path: Path) -> pd.DataFrame:
    """A table of JSON objects, one a line."""
    with reading(path, "table of JSON objects, one a line", OverflowError):
        return pd.read_json(path, lines=True, dtype=cast(Any, False), precise_float=True)  # what pandas' stub lacks


def parquet(path: Path) -> pd.DataFrame:
    """A parquet file."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    with reading(path, "parquet file", pa.ArrowException), pq.ParquetFile(path) as file:
        about = file.metadata
        stored = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        affordable(f"{path}", max(stored, 8 * about.num_rows * about.num_columns))
        return _sound(file.read())


def arrow(path: Path) -> pd.DataFrame:
    """An Arrow file or stream; Feather is the former, and what the datasets library keeps is the latter."""
    import pyarrow as pa

    with reading(path, "Arrow file", pa.ArrowException), pa.memory_map(str(path)) as source:
        try:
            return _sound(pa.ipc.open_file(source).read_all())
        except pa.ArrowInvalid:  # no file, a stream then
            source.seek(0)
            return _sound(pa.ipc.open_stream(source).read_all())


def _sound(table: Any) -> pd.DataFrame:
    """An Arrow table as pandas', once offsets and text are checked: damaged ones would be read beyond their end."""
    table.validate(full=True)
    return table.to_pandas()
