"""What makes a store one that can be trusted: checksums of cells, and a record that tells when it was edited.

Chunks carry a checksum of their own (Zarr's crc32c), which every reader verifies. It cannot tell a chunk that was lost, or
exchanged for another one; the checksum of a cell can, since it is of the sweep, the cell's number and all its values.
"""

import json
import zlib
from collections.abc import Mapping
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
