"""What the page may ask of the model: sliders and server share these ranges."""

RANGES: dict[str, tuple[float, float]] = {
    "k": (1, 8),
    "dX": (2, 60),
    "dY": (2, 60),
    "n": (10, 10**6),
    "spread": (0.05, 1),
    "gammaX": (0.01, 10),
    "gammaY": (0.01, 10),
    "qualityX": (0, 1),
    "qualityY": (0, 1),
    "gammaTildeX": (0.01, 100),
    "gammaTildeY": (0.01, 100),
    "ridgeX": (0, 10),
    "ridgeY": (0, 10),
    "kappaMax": (0.5, 10),
    "kappa": (0, 10),
    "nu": (0, 1),
}
"""Least and largest value of each parameter, under its name in the page's address. `kappa` and `nu` are those of the point; a
quality of 0 is none, and leaves the noise to its γ."""
