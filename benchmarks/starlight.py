"""The astronomy protocol on procedural stars: heads on frozen features of spectrum and light curve, and the diagnostic.

    python benchmarks/starlight.py --out FILE.csv [--noise .1 1] [--label log_g age] [--stars 900] [--seeds 3]

As published, log g and the age are told from alignment, from prediction either way, from either view alone and from a ceiling,
at quiet (.1) and loud (1) photometric noise; dust correlates by ν = .5. Features are what frozen encoders
would give; R² on folds apart, mean and standard deviation over seeds of the stars; above them what `diagnose` says of each.
FILE.csv gets a row for each number; what it holds is not measured again.

Seen (`phasejax/verify/tables/studies/starlight.csv`, claims starlight-…, page of measured worlds). Of log g the diagnostic says
Both for all three seeds where light curves are quiet, as published; there vicreg tells .955 ± .013 and no head beats the two
views side by side, .975 ± .001. Loud: Neither for two seeds and Both for one, and the spectrum alone, .946 ± .001, is ahead of
every head. Of the age, which only the light curve tells (.555 ± .021 quiet, .448 ± .036 loud), the views side by side tell more
than either, .700 ± .031 and .536 ± .030; no head does. R² is far below 0 for prediction x→y and for vicreg when both heads are
read: heads learn 720 pairs by heart. Those of vicreg correlate by .98 on them and by .48 on others, and the head of spectra
that predicts light curves tells the age of those stars (.63) and of no others; after 40 steps, not 400, vicreg's two tell .40
(one seed).
There the diagnostic says Neither for all seeds where it is quiet, for two of three where it is loud.
"""

import argparse
from itertools import product
from pathlib import Path
from typing import Any

import jax
import numpy as np
from kept import kept

from phasejax.diagnosis import diagnose
from phasejax.heads import train_heads
from phasejax.theory import Regime
from phasejax.worlds import Starlight
from phasejax.worlds.starlight import frozen_features

OBJECTIVES = ("vicreg", "infonce", "prediction")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--noise", type=float, nargs="+", default=(0.1, 1.0))
    parser.add_argument("--label", nargs="+", default=("log_g", "age"))
    parser.add_argument("--stars", type=int, default=900)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    axes = {"noise": given.noise, "label": given.label, "seed": range(given.seeds)}
    cells = (dict(zip(axes, values, strict=True)) for values in product(*axes.values()))

    def measure(noise: float, label: str, seed: int) -> list[dict[str, Any]]:
        drawn = Starlight(photometric_noise=noise).draw(given.stars, key=jax.random.key(seed))
        x, y = map(np.asarray, frozen_features(drawn.views))
        told = np.asarray(drawn.signal[label])
        found = train_heads(x, y, told, objectives=OBJECTIVES, key=jax.random.key(seed), steps=400)
        said = Regime(diagnose(x, y, told, key=jax.random.key(seed)).regime).name
        scores = zip(found.heads, found.score, strict=True)
        return [{"what": "regime", "reads": "", "value": said}] + [
            {"what": head.objective, "reads": head.reads, "value": f"{score:.4f}"} for head, score in scores
        ]

    rows = kept(given.out, cells, measure)
    regimes, scores = rows[rows.what == "regime"], rows[rows.what != "regime"].astype({"value": float})
    print(regimes.groupby(["label", "noise"]).value.agg(", ".join).to_string())
    print(scores.groupby(["label", "noise", "what", "reads"], sort=False).value.agg(["mean", "std"]).round(3).to_string())


if __name__ == "__main__":
    main()
