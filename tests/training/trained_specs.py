"""A small sweep with training, for the tests."""

from specs import changed

from phasejax.sweep import SweepSpec, parse_spec

SMALL = {
    "name": "trained",
    "trials": 2,
    "seed": 3,
    "model": {"d": 4, "k": 2, "gamma_x": 0.5, "gamma_y": 0.1, "gamma_tilde_x": 1.0, "gamma_tilde_y": 4.0, "n": 60},
    "training": {
        "steps": 40,
        "batch": 30,
        "learning_rate": 0.1,
        "objectives": {"prediction": {}, "spread": {"objective": "vicreg", "lam_inv": 20.0}},
    },
    "axes": {"kappa": [0.8, 2.0], "nu": [0.0, 0.9]},
}


def raw(**changes) -> dict:
    """`SMALL`, `changed`."""
    return changed(SMALL, **changes)


def small(**changes) -> SweepSpec:
    """`raw`, validated."""
    return parse_spec(raw(**changes))
