"""The diagnostic meets the worlds: the regime predicted from pictures alone, beside what trained networks showed.

    python benchmarks/diagnose_worlds.py --out FILE.csv [stereo_sprites_jitter_long stereo_solids_long] [--pairs 3000]

At every point of the sweep 3,000 pairs of pictures are reduced to 60 principal components a view, as published, and diagnosed
with their classes for labels: the default's advice, the regime and Δ of either objective with its 90 % interval, and what the
published elbow says. FILE.csv gets a row for each point that it does not hold yet. Where the sweep has a measured table, the
page of measured worlds sets its accuracies beside it: `phasejax/verify/tables/studies/diagnose_worlds.csv` is FILE there.

Seen: where positions correlate by 1 or .68 the regime is Neither at all six points, and there the two leading directions of
alignment (vicreg) and prediction (reconstruction) tell the class by chance. At ν = .25 it is Both for sprites, whose leading
directions tell .37 ± .02 and .41 ± .09 (chance .33), and CA only for solids, where they tell .25 to .26 (chance .25): no; the
intervals of Δ hold 1 at all three. The published elbow says Neither throughout. Where an objective is advised, it is CA at
ν = .68, where a converged probe of the features reads less from alignment of sprites (.65 ± .04) than from prediction
(.86 ± .04) and as much of solids, and CP for sprites at ν = .25, where it reads .52 ± .04 and .62 ± .06.
"""

import argparse
from itertools import product
from pathlib import Path
from typing import Any

import jax
import numpy as np
from kept import kept

from phasejax.diagnosis import diagnose
from phasejax.experiments.world.spec import WorldSpec
from phasejax.sweep import load_spec
from phasejax.theory import Regime
from phasejax.worlds import Stereo, StereoSolids, StereoSprites

COMPONENTS = 60
WORLDS = {"sprites": StereoSprites, "solids": StereoSolids}


def principal(pictures: np.ndarray) -> np.ndarray:
    """Scores on the leading principal components of raw pixels."""
    flat = pictures.reshape(len(pictures), -1).astype(float)
    flat = flat - flat.mean(axis=0)
    values, vectors = np.linalg.eigh(flat.T @ flat)
    return flat @ vectors[:, np.argsort(-values)[:COMPONENTS]]


def diagnosed(world: Stereo, pairs: int) -> dict[str, Any]:
    """What is said of one world."""
    drawn = world.draw(pairs, key=jax.random.key(0))
    x, y = (principal(np.asarray(view)) for view in drawn.views)
    labels = np.asarray(drawn.signal["class"])
    found = diagnose(x, y, labels, key=jax.random.key(1))
    elbow = diagnose(x, y, labels, key=jax.random.key(1), method="elbow")
    said = {"nu": float(world.nu), "advice": found.objective, "regime": Regime(found.regime).name}
    for name, side in (("ca", found.ca), ("cp", found.cp)):
        said |= {f"delta_{name}": side.delta.value, f"{name}_low": side.delta.low, f"{name}_high": side.delta.high}
    return said | {"elbow": Regime(elbow.regime).name}


def world_spec(name: str) -> WorldSpec:
    spec = load_spec(name)
    assert isinstance(spec, WorldSpec)
    return spec


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweeps", nargs="*", default=["stereo_sprites_jitter_long", "stereo_solids_long"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=3000)
    given = parser.parse_args()
    specs = {name: world_spec(name) for name in given.sweeps}
    cells = (
        {"sweep": name, "jitter": jitter, "noise_y": noise}
        for name, spec in specs.items()
        for jitter, noise in product(*(spec.values()[axis] for axis in ("jitter", "noise_y")))
    )

    def measure(sweep: str, jitter: float, noise_y: float) -> list[dict[str, Any]]:
        table = specs[sweep].world
        world = WORLDS[table.name](size=table.size, jitter=jitter, noise_y=noise_y)
        return [diagnosed(world, given.pairs)]

    print(kept(given.out, cells, measure).to_string(index=False))


if __name__ == "__main__":
    main()
