"""Three modalities of one scene: who retrieves, who generates, and what the nuisance they share does to both.

    python benchmarks/three_modalities.py --out FOLDER [--steps 1500] [--seeds 3] [--size tiny]

Encoders of picture, caption and sound are trained together on 8,000 scenes, at three correlations ν of their nuisance. On 500
scenes that all differ: R@k over the six directions (chance .002 at k = 1); the modality gap and the Hölder excess, before
training and after. Then a decoder learns pictures from the picture's embedding and is fed another modality's: mean squared
error a pixel. All goes to FOLDER/three_modalities.json, examples to FOLDER/three_modalities.png.
"""

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import permutations
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key
from matplotlib.figure import Figure

from phasejax import runtime
from phasejax.objectives import hoelder_excess, modality_gap, unit_rows
from phasejax.training import Convolutional, Decoder, Identity, ToPicture, Transformer, embed, train
from phasejax.training.data import rows_of
from phasejax.training.encoders import build_encoders
from phasejax.training.loop import LaneKeys
from phasejax.worlds import TriModalScenes
from phasejax.worlds.trimodal import WORDS

NU = (0.0, 0.5, 0.9)
WIDTH, ROWS, TESTED = 16, 8000, 500
MODALITIES = ("picture", "caption", "sound")
TEMPERATURE = 0.07
# UniAlign matched to InfoNCE at the same temperature: kernel width √T, alignment weighted by 1/(2T).
MATCHED = {"bandwidth": TEMPERATURE**0.5, "lam_align": 1 / (2 * TEMPERATURE)}
OBJECTIVES = {
    "InfoNCE": ("infonce", {"temperature": TEMPERATURE}),
    "InfoNCE, T = .25": ("infonce", {"temperature": 0.25}),
    "SigLIP": ("siglip", {"temperature": TEMPERATURE, "bias": -10.0}),
    "UniAlign, picture anchor": ("unialign", MATCHED | {"anchor": 0}),
    "UniAlign, caption anchor": ("unialign", MATCHED | {"anchor": 1}),
    "UniAlign, all pairs": ("unialign", MATCHED | {"anchor": None}),
    "InfoNCE + Cauchy–Schwarz": ("infonce_cauchy_schwarz", {"temperature": TEMPERATURE}),
}


class Embedded(eqx.Module):
    """A source of pictures and the embeddings that a lane's encoder gives them."""

    z: Array
    pictures: Array
    batch: tuple[int, ...] = eqx.field(static=True)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.batch

    def sample(self, n: int, *, key: Key[Array, ""]) -> tuple[Array, Array]:
        chosen = jax.random.randint(key, (n,), 0, len(self.z))
        return self.z[chosen], self.pictures[chosen]


def ranks(z: Array, query: int, gallery: int) -> Array:
    """How many of the gallery are at least as near to each query as its own partner is: 0 is found first."""
    scores = z[query] @ z[gallery].T
    return jnp.sum(scores >= jnp.diagonal(scores)[:, None], axis=1) - 1


def measured(z: Array, key: Key[Array, ""]) -> dict[str, Array]:
    """Of the unit embeddings (3, n, width) of scenes that all differ."""
    found = jnp.stack([ranks(z, *pair) for pair in permutations(range(3), 2)])
    at = {f"R@{k}": jnp.mean(found < k) for k in (1, 5, 10)}
    return at | {"gap": modality_gap(z), "Hölder": hoelder_excess(z[:, :96], bandwidth=0.7, key=key)}


@partial(jax.jit, static_argnums=1)
def drawn(worlds: TriModalScenes, n: int, keys: Array) -> tuple[Array, ...]:
    return jax.lax.map(lambda given: given[0].sample(n, key=given[1]), (worlds, keys))


@eqx.filter_jit
def embedded(encoders, views):
    arrays, static = eqx.partition(encoders, eqx.is_array)
    one = lambda given: unit_rows(embed(eqx.combine(given[0], static), given[1]))  # noqa: E731
    return jax.lax.map(one, (arrays, views))


def study(name: str, hyperparameters: dict, steps: int, seeds: int, size: str) -> tuple[dict, np.ndarray]:
    """Of one objective every figure, (ν, seeds) each, and pictures of four scenes: (from, scene, 3, h, w), the truth first."""
    nu = jnp.repeat(jnp.array(NU), seeds)
    worlds = jax.vmap(lambda value: TriModalScenes(nu=value, size=size))(nu)  # type: ignore[arg-type]
    keys = jax.vmap(lambda seed: jax.random.split(jax.random.key(seed), 5))(jnp.tile(jnp.arange(seeds), len(NU)))
    picture = Convolutional(WIDTH, channels=(16, 32, 32))
    encoders = (picture, Transformer(WIDTH, len(WORDS)), picture)
    build = lambda world, key: build_encoders(encoders, rows_of(world), key=LaneKeys.split(key).networks)  # noqa: E731
    fresh = eqx.filter_vmap(build)(worlds, keys[:, 0])
    trained = train(name, worlds, key=keys[:, 0], encoder=encoders, steps=steps, batch=256, rows=ROWS, held_out=1024,
                    learning_rate=2e-3, hyperparameters=hyperparameters)  # fmt: skip
    tests = eqx.filter_vmap(lambda world, key: world.distinct(TESTED, key=key).views)(worlds, keys[:, 1])
    values, z = {}, None
    for when, networks in (("before", fresh), ("after", trained.encoders)):
        z = embedded(networks, tests)
        for what, value in jax.vmap(measured)(z, keys[:, 2]).items():
            values[f"{what} {when}"] = value
    views = drawn(worlds, ROWS, keys[:, 3])
    source = Embedded(embedded(trained.encoders, views)[:, 0], views[0], nu.shape)
    decoder = Decoder(ToPicture((32, 32, 16)))
    made = train("reconstruction", source, key=keys[:, 4], encoder=(Identity(), None), decoder=decoder, steps=steps, batch=128,
                  learning_rate=2e-3)  # fmt: skip
    pictures = eqx.filter_vmap(lambda decode, rows: jax.vmap(jax.vmap(decode))(rows))(made.decoder, z)
    for side, modality in enumerate(MODALITIES):
        values[f"error from {modality}"] = jnp.mean((pictures[:, side] - tests[0]) ** 2, axis=(1, 2, 3, 4))
    values["diverged"] = trained.diverged
    middle = seeds * (len(NU) // 2)
    examples = jnp.concatenate([tests[0][middle, None, :4], pictures[middle, :, :4]])
    table = {what: np.asarray(value, float).reshape(len(NU), seeds).tolist() for what, value in values.items()}
    return table, np.clip(np.asarray(examples), 0, 1)


def sheet(examples: dict[str, np.ndarray]) -> Figure:
    """Four scenes at the middle ν: the truth, then what the decoder makes of each modality's embedding."""
    figure = Figure(figsize=(8.5, 1 + 1.1 * len(examples)), layout="constrained")
    for row, (ax, (label, shown)) in enumerate(
        zip(np.atleast_1d(figure.subplots(len(examples))), examples.items(), strict=True)
    ):
        strip = np.concatenate([np.concatenate(list(scene), axis=-1) for scene in np.swapaxes(shown, 0, 1)], axis=-1)
        ax.imshow(np.moveaxis(strip, 0, -1), interpolation="nearest")
        ax.set(yticks=[], xticks=[])
        ax.set_ylabel(label.replace(", ", "\n").replace(" + ", "\n+ "), rotation=0, ha="right", va="center", fontsize=7)
        if not row:
            ax.set_title("four times: the scene, then decoded from its picture, its caption, its sound", fontsize=8)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", default="tiny")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    tables, examples = {}, {}

    def one(entry: tuple[str, dict]) -> tuple[dict, np.ndarray]:
        return study(*entry, given.steps, given.seeds, given.size)

    pool = ThreadPoolExecutor(runtime.cores())  # one compiles while another runs
    for label, (table, shown) in zip(OBJECTIVES, pool.map(one, OBJECTIVES.values()), strict=True):
        tables[label], examples[label] = table, shown
        result = {"nu": NU, "seeds": given.seeds, "steps": given.steps, "size": given.size, "objectives": tables}
        (given.out / "three_modalities.json").write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n")
        print(label, {what: np.round(np.mean(value, axis=1), 3).tolist() for what, value in table.items()}, flush=True)
        sheet(examples).savefig(given.out / "three_modalities.png", dpi=200)


if __name__ == "__main__":
    main()
