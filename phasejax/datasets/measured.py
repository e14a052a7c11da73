"""Tables of measurements, whose columns fall into two views by what was measured."""

import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd

from phasejax.datasets.paired import PairedData, file_of, paired, text

_BODY = ["Culmen Length (mm)", "Culmen Depth (mm)", "Flipper Length (mm)", "Body Mass (g)"]
_ISOTOPES = ["Delta 15 N (o/oo)", "Delta 13 C (o/oo)"]
_CELL = ["radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "points", "symmetry", "fractal"]
_MUST = ["alcohol", "malic acid", "ash", "alkalinity", "magnesium", "phenols", "flavanoids"]
_CELLAR = ["other phenols", "proanthocyanins", "color", "hue", "OD280/OD315", "proline"]
_SHAPE, _LIGHT = ["majax", "minax", "sbrightn", "redshift"], ["bmag", "jmag", "hmag", "kmag"]


def penguins() -> PairedData:
    """Body measurements (x, 4) and isotope ratios in the blood (y, 2) of 324 penguins, by nest (Palmer station, CC-0).

    Labels: `species`, which both views tell, `sex`, which the body alone tells, and `island`. Rows without a gap are kept.
    """
    table = pd.read_csv(file_of("palmerpenguins", "data/penguins-raw.csv"))
    table = table.loc[table.Sex.isin(["MALE", "FEMALE"]) & table[_BODY + _ISOTOPES].notna().all(axis=1)]
    species = table.Species.str.split().str[0]
    nest = species + " " + table.Island + " " + table["Individual ID"].str.extract(r"(N\d+)")[0]
    labels = {"species": text(species), "sex": text(table.Sex.str.lower()), "island": text(table.Island)}
    return paired(table[_BODY].to_numpy(), table[_ISOTOPES].to_numpy(), _BODY, _ISOTOPES, labels, text(nest))


def tumours() -> PairedData:
    """Cell nuclei of 569 breast tumours: means (x, 10) and standard errors over nuclei (y, 10) of ten shapes (Wisconsin).

    Labels: `diagnosis`.
    """
    table = np.loadtxt(file_of("sklearn", "datasets/data/breast_cancer.csv", "scikit-learn"), delimiter=",", skiprows=1)
    diagnosis = np.array(["malignant", "benign"])[table[:, 30].astype(int)]
    return paired(table[:, :10], table[:, 10:20], _CELL, _CELL, {"diagnosis": diagnosis})


def wines() -> PairedData:
    """Seven (x) and six (y) chemical measurements of 178 wines. Labels: `cultivar`, one of three."""
    table = np.loadtxt(file_of("sklearn", "datasets/data/wine_data.csv", "scikit-learn"), delimiter=",", skiprows=1)
    return paired(table[:, :7], table[:, 7:13], _MUST, _CELLAR, {"cultivar": table[:, 13].astype(int).astype(str)})


def galaxies() -> PairedData:
    """Size, surface brightness and redshift (x, 4) and magnitudes in four bands (y, 4) of 8901 galaxies.

    Those of the OpenNGC catalogue (CC BY-SA 4.0) without a gap, whose Hubble type is known; all but brightness in logarithms.
    Labels: `type` (elliptical, lenticular, spiral).
    """
    with closing(sqlite3.connect(file_of("pyongc", "ongc.db").as_uri() + "?mode=ro", uri=True)) as catalogue:
        columns = ", ".join([*_SHAPE, *_LIGHT, "hubble"])
        table = pd.read_sql(f"select {columns} from objects where type = 'G'", catalogue).dropna()
    table = table[(table.redshift > 0) & (table.minax > 0) & table.hubble.str.startswith(("E", "S"))]
    first = np.array([code.replace("S0", "L")[0] for code in table.hubble])
    kind = np.select([first == "E", first == "L"], ["elliptical", "lenticular"], "spiral")
    x = np.where(np.array(_SHAPE) == "sbrightn", table[_SHAPE], np.log(table[_SHAPE]))
    return paired(x, np.asarray(table[_LIGHT]), _SHAPE, _LIGHT, {"type": kind})
