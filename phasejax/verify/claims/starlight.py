"""What is published of faint stars, on procedural ones: from the table that `benchmarks/starlight.py` writes.

python benchmarks/starlight.py --out phasejax/verify/tables/studies/starlight.csv
"""

import pandas as pd

from phasejax.verify.contrast import paired, verdict
from phasejax.verify.measured import TABLES
from phasejax.verify.registry import Finding, Verdict, claim

TABLE = TABLES / "studies" / "starlight.csv"
CONDITION = "Measured on 900 procedural stars a seed, log g, photometric noise 1, dust that correlates by .5."
SOURCE = "published astronomy experiments"
ALONE = "features alone"


def loud(table: pd.DataFrame) -> pd.DataFrame:
    """What was measured of log g at the loud noise."""
    return table.query("noise == 1 and label == 'log_g'")


@claim(
    id="starlight-loud-is-neither",
    statement="Where the light curve is loud the diagnostic says Neither.",
    condition=f"{CONDITION} It does for some samples of stars and not for all.",
    source=SOURCE,
    recorded=Verdict.CONDITIONAL,
)
def loud_is_neither(seed: int) -> Finding:
    said = loud(pd.read_csv(TABLE)).query("what == 'regime'").value.to_numpy()
    right = said == "NEITHER"
    found = Verdict.HOLDS if right.all() else Verdict.CONDITIONAL if right.any() else Verdict.REFUTED
    return Finding(found, f"Neither for {right.sum()} of {said.size} samples of stars", said.size)


@claim(
    id="starlight-loud-nothing-beats-one-view",
    statement="There no head beats the better view alone.",
    condition=CONDITION,
    source=SOURCE,
    recorded=Verdict.HOLDS,
)
def nothing_beats_one_view(seed: int) -> Finding:
    table = loud(pd.read_csv(TABLE))
    scores = table[table.what != "regime"].assign(value=lambda rows: rows.value.astype(float))
    views = scores[(scores.what == ALONE) & scores.reads.isin(["x", "y"])].groupby("seed").value.max().to_numpy()
    heads = scores[~scores.what.isin([ALONE, "trained on labels"])]
    lead = views - heads.groupby("seed").value.max().to_numpy()
    found = paired(lead[None])
    shown = f"R² {views.mean():.3f}, {found.value[0]:.3f} ± {2 * found.error[0]:.3f} above the best head"
    return Finding(verdict(found), f"{shown}, {lead.size} seeds", lead.size)
