"""The page of what was measured on worlds: every table beside the claims, as claims read it."""

from collections.abc import Iterable
from itertools import product

import numpy as np
import pandas as pd
import xarray as xr

from phasejax.verify.claims import modalities, starlight
from phasejax.verify.claims.worlds import BACKWARDS, CA, CP, READINGS, accuracy, crossing, read_from
from phasejax.verify.contrast import paired, verdict
from phasejax.verify.measured import TABLES, read

PAIRS = ((CA, CP), (CA, BACKWARDS), *((f"{CA}, {width}", f"{CP}, {width}") for width in (2, 16)))
ERRORS = {"score": "error", "difference": "difference_error"}


def measured() -> str:
    """One section a table."""
    head = "# Measured on worlds\n\nAccuracy of the class and R² of the nuisance, mean over seeds ± 2 standard errors.\n"
    sweeps = (_sweep(*read(path)) for path in sorted(TABLES.glob("*.csv")))
    return "\n".join([head, _crossings(), *sweeps, _modalities(), _diagnosed(), _starlight(), _emoji()])


def _crossings() -> str:
    """Whether prediction is ahead where positions agree and alignment where they do not, under every budget and reading."""
    rows = []
    for path in sorted(TABLES.glob("stereo_*.csv")):
        spec, table = read(path)
        if "noise_y" not in table.dims:
            table = table.expand_dims(noise_y=[spec["world"]["knobs"]["noise_y"]])
        for aligned, predicting in PAIRS:
            if not {aligned, predicting} <= {*table.objective.values}:
                continue
            for noise, how in product(table.noise_y.values, ("leading", "published", "everything")):
                here = _under(table, how).sel(noise_y=noise)
                told = (accuracy(here.sel(jitter=jitter), name) for jitter in (0, 0.5) for name in (aligned, predicting))
                shown = (_interval(one.value.item(), one.error.item()) for one in told)
                found = str(verdict(crossing(here, aligned, predicting)))
                rows.append([_words(spec["name"]), f"{aligned} and {predicting}", f"{noise:g}", how, *shown, found])
    return _section(
        "do the curves cross?",
        "Published: where positions agree (jitter 0) prediction tells more of the class, where each view is moved by .5 "
        "alignment does. By a converged probe of the features that is seen of sprites where prediction reads the noisy view at "
        "a noise of .5, at either budget, and where the target is quiet (16×16 pixels). At a noise of .2 prediction stays "
        "ahead; at .9 from the noisy view it is behind throughout. From the clean view prediction of a noisy target meets "
        "alignment or stays ahead. Of solids neither is ahead at a jitter of .5. In the two leading directions, of which "
        "the linear theory speaks, neither is far from chance (.33, solids .25): where positions agree they hold the position. "
        "The budget of each sweep is said below, above its own table.",
        ["sweep", "CA and CP", "target noise", "read by", "CA, 0", "CP, 0", "CA, .5", "CP, .5", "crossing"],
        rows,
    )


def _budget(spec: dict) -> str:
    world = spec["world"]
    size = f"{world['name']}, {world['size']}, {world['samples']:,} samples, {world['steps']:,} steps of {world['batch']}"
    return f"{size}, {spec['trials']} seeds"


def _sweep(spec: dict, table: xr.Dataset) -> str:
    """A sweep over a world: every objective under every reading, in every cell."""
    axes = list(spec["axes"])
    told = {
        name: [accuracy(_under(table, how), name) for how in READINGS] + [read_from(_under(table, "leading"), name, "r2")]
        for name in table.objective.values
    }
    rows = (
        [*(f"{value:g}" for value in cell), str(name), *(_interval(one.value[i], one.error[i]) for one in columns)]
        for i, cell in enumerate(product(*spec["axes"].values()))
        for name, columns in told.items()
    )
    return _section(
        spec["name"],
        f"{spec['description']} {_budget(spec).capitalize()}, on {table.attrs['device']}.",
        [*axes, "objective", *(name for *_, name in READINGS.values()), "R², leading"],
        rows,
    )


def _modalities() -> str:
    """Three modalities: every objective under every measure, at each correlation of the nuisance."""
    settings, found = modalities.read()
    size = f"{settings['rows']:,} scenes at size {settings['size']}, {settings['steps']:,} steps of {settings['batch']}"
    measures = [measure for measure in found.measures if measure != "diverged"]

    def cell(objective: str, measure: str) -> str:
        values, errors = paired(found(objective, measure))
        return "; ".join(_interval(*one, digits=3) for one in zip(values, errors, strict=True))

    return _section(
        "three modalities",
        f"Perceptrons on {size}, {settings['seeds']} seeds; nuisance correlated by 0, then by .9.",
        ["objective", *measures],
        ([name, *(cell(name, measure) for measure in measures)] for name in found.objectives),
    )


def _diagnosed() -> str:
    """What the diagnostic says of pairs of pictures, beside what networks told of them."""
    columns = [(how, objective) for how in ("leading", "everything") for objective in (CA, CP)]

    def row(said: dict) -> list[str]:
        here = read(TABLES / f"{said['sweep']}.csv")[1].sel(jitter=said["jitter"], noise_y=said["noise_y"])
        told = (accuracy(_under(here, how), objective) for how, objective in columns)
        ratios = (f"{said[f'delta_{of}']:.2f} [{said[f'{of}_low']:.2f}, {said[f'{of}_high']:.2f}]" for of in ("ca", "cp"))
        words = (_words(said[of]) for of in ("regime", "advice", "elbow"))
        place = said["sweep"], f"{said['nu']:.2f}", f"{said['noise_y']:g}"
        return [*place, *words, *ratios, *(_interval(one.value.item(), one.error.item()) for one in told)]

    return _section(
        "the diagnostic on worlds",
        "3,000 pairs of pictures, 60 principal components a view; Δ with its interval of 90 %. Beside it what networks showed.",
        ["sweep", "ν", "target noise", "regime", "advice", "published elbow", "Δ_CA", "Δ_CP"]
        + [f"{objective}, {READINGS[how][2]}" for how, objective in columns],
        map(row, pd.read_csv(TABLES / "studies" / "diagnose_worlds.csv").to_dict("records")),
    )


def _starlight() -> str:
    """Heads on frozen features of stars, quiet and loud, for each label; above them what the diagnostic says of each seed."""
    table = pd.read_csv(starlight.TABLE, keep_default_na=False)
    cells = sorted(table[["label", "noise"]].drop_duplicates().itertuples(index=False, name=None))

    def cell(what: str, reads: str, label: str, noise: float) -> str:
        here = table[(table.what == what) & (table.reads == reads) & (table.label == label) & (table.noise == noise)].value
        if what == "regime":
            return ", ".join(map(_words, here))
        values, errors = paired(here.to_numpy(float)[None])
        return _interval(values[0], errors[0], digits=3)

    return _section(
        "starlight",
        "Heads on frozen features of 900 procedural stars, R² on folds apart, mean ± 2 standard errors over seeds. Far below 0 "
        "are heads that know the pairs they were trained on by heart: what a probe reads of those, others do not have.",
        ["representation", "reads", *(f"{label}, photometric noise {noise:g}" for label, noise in cells)],
        (
            [what, reads, *(cell(what, reads, *place) for place in cells)]
            for what, reads in table[["what", "reads"]].drop_duplicates().itertuples(index=False)
        ),
    )


def _emoji() -> str:
    """Heads on frozen embeddings of real pairs, each beside the better view alone."""
    table = pd.read_csv(TABLES / "studies" / "emoji.csv")
    said = table[["apart", "regime", "advice"]].drop_duplicates().itertuples(index=False)
    told = "; ".join(f"with {apart} apart {_words(regime)}, advice {advice}" for apart, regime, advice in said)
    columns = [(apart, of) for apart in ("rows", "kinds") for of in ERRORS]

    def cell(what: str, reads: str, apart: str, of: str) -> str:
        here = table[(table.objective == what) & (table.reads == reads) & (table.apart == apart)]
        return _interval(*(float(np.mean(here[name])) for name in (of, ERRORS[of])), digits=3)

    return _section(
        "emoji",
        "1,377 emoji as pictures (x) and by their names (y), nine groups: balanced accuracy (chance .11) of heads of 6 numbers "
        f"and of views with all they have, ± 2 standard errors; {table.seed.nunique()} seeds. The diagnosis: {told}.",
        ["representation", "reads", *(f"{apart} apart, {'accuracy' if of == 'score' else 'lead'}" for apart, of in columns)],
        (
            [what, reads, *(cell(what, reads, *column) for column in columns)]
            for what, reads in table[["objective", "reads"]].drop_duplicates().itertuples(index=False)
        ),
    )


def _section(name: str, said: str, heads: list[str], rows: Iterable[list[str]]) -> str:
    lines = (f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows))
    return "\n".join([f"## {name}\n", f"{said}\n", *lines, ""])


def _under(table: xr.Dataset, how: str) -> xr.Dataset:
    representation, reading, _ = READINGS[how]
    return table.sel(representation=representation, reading=reading)


def _interval(value: float, error: float, *, digits: int = 2) -> str:
    return f"{value:.{digits}f} ± {2 * error:.{digits}f}".replace(" ±", "\N{NO-BREAK SPACE}±")


def _words(name: str) -> str:
    return name.replace("_", " ").lower()
