"""What the repository keeps beside the package and a wheel carries inside it: the published sweeps, and the figures."""

from pathlib import Path


def shipped(folder: str) -> Path:
    """The top-level folder `figures` or `sweeps` of the repository, wherever this package runs from."""
    inside = Path(__file__).parent / f"_{folder}"
    return inside if inside.is_dir() else Path(__file__).parents[1] / folder
