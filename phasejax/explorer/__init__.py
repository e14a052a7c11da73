"""The interactive page: the four regimes in the population, expected and measured at n, under sliders."""

from phasejax.explorer.document import page

__all__ = ["page"]
