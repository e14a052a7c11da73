"""Three modalities of one scene: who retrieves, who generates, and what the nuisance they share does to both.

    python benchmarks/three_modalities.py --out FOLDER [--steps 1200] [--batch 128] [--seeds 3] [--size tiny]

Perceptrons on pixels, words and spectrograms are trained on 4,000 scenes together, their nuisance correlated by ν = 0 or .9. On
500 scenes that all differ: R@k over the six directions (chance .002 at k = 1); the modality gap and the Hölder excess, before
training and after. Then a decoder learns pictures from the picture's embedding and is fed another modality's: mean squared
error a pixel, beside that of the mean picture, which knows nothing of the scene, and Fréchet distance from real pictures in the
features of a judge, a network trained to name the factors of a scene from its picture. FOLDER keeps what is done, the same
command goes on; at the end it holds three_modalities.csv, a row for each number, and three_modalities.png, pixels of examples
at ν = 0.

Seen at the defaults, on two cores (`phasejax/verify/tables/studies`, claims modalities-…, figure retrieval_and_generation), at
ν = 0 and .9: InfoNCE finds .59 and .68 of the partners first, with Cauchy–Schwarz .55 and .58, UniAlign on all pairs .39 and
.37 and .87 and .85 among the first ten, with the smallest gap of all (.02); at ν = .9 its pictures of captions and sounds lose
least. To the judge, who leaves .23 of the factors' variance, pictures of captions are .15 and .16 from real ones under InfoNCE
and .29 and .40 under UniAlign, pictures of pictures .05 and .09, .28 and .38, other real pictures .03: UniAlign's lose least on
their way through another modality, and are worse all the same. One training of SigLIP in three diverged; the others have not
come far (.14 and .15). Judge and six objectives took 320 s of processor time; after 500 steps instead of 1,200 UniAlign and
SigLIP did not retrieve yet.
"""

import argparse
import csv
import json
from collections.abc import Callable
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Array, Key

from phasejax import runtime
from phasejax.objectives import frechet_distance, hoelder_excess, modality_gap, unit_rows
from phasejax.training import MLP, Decoder, Identity, ToVector, embed, train
from phasejax.training.data import rows_of
from phasejax.training.encoders import build_encoders
from phasejax.training.loop import LaneKeys
from phasejax.worlds import TriModalScenes
from phasejax.worlds.trimodal import FACTORS, WORDS

NU = (0.0, 0.9)
ROWS, TESTED, SHOWN = 4000, 500, 6
ENCODER = MLP(16, hidden=128)
MODALITIES = ("picture", "caption", "sound")
TEMPERATURE = 0.07
# UniAlign matched to InfoNCE at the same temperature: kernel width √T, alignment weighted by 1/(2T).
MATCHED = {"bandwidth": TEMPERATURE**0.5, "lam_align": 1 / (2 * TEMPERATURE)}
OBJECTIVES = {
    "InfoNCE": ("infonce", {"temperature": TEMPERATURE}),
    "SigLIP": ("siglip", {"temperature": TEMPERATURE, "bias": -10.0}),
    "UniAlign, picture anchor": ("unialign", MATCHED | {"anchor": 0}),
    "UniAlign, caption anchor": ("unialign", MATCHED | {"anchor": 1}),
    "UniAlign, all pairs": ("unialign", MATCHED | {"anchor": None}),
    "InfoNCE + Cauchy–Schwarz": ("infonce_cauchy_schwarz", {"temperature": TEMPERATURE}),
}


class Flat(eqx.Module):
    """The world's views as vectors, for perceptrons: numbers as they are, words as ones among zeros."""

    world: TriModalScenes

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.world.batch_shape

    def sample(self, n: int, *, key: Key[Array, ""]) -> tuple[Array, ...]:
        return flat(self.world.sample(n, key=key))


class Told(eqx.Module):
    """Pictures, and the factors of their scenes as ones among zeros."""

    world: TriModalScenes

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.world.batch_shape

    def sample(self, n: int, *, key: Key[Array, ""]) -> tuple[Array, Array]:
        drawn = self.world.draw(n, key=key)
        factors = [jax.nn.one_hot(drawn.signal[name], count) for name, count in FACTORS.items()]
        return flat(drawn.views)[0], jnp.concatenate(factors, axis=1)


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


def flat(views: tuple[Array, ...]) -> tuple[Array, ...]:
    """(n, d) of each modality."""
    picture, caption, sound = views
    return tuple(view.reshape(len(view), -1) for view in (picture, jax.nn.one_hot(caption, len(WORDS)), sound))


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
def drawn(worlds: TriModalScenes, n: int | None, keys: Array) -> tuple[Array, ...]:
    """The flat views of n scenes of each lane, or of as many as are tested and all differ."""
    draw = lambda world, key: (world.distinct(TESTED, key=key) if n is None else world.draw(n, key=key)).views  # noqa: E731
    return jax.lax.map(lambda given: flat(draw(*given)), (worlds, keys))


@eqx.filter_jit
def embedded(encoders, views: tuple[Array, ...]) -> Array:
    return eqx.filter_vmap(lambda networks, rows: unit_rows(embed(networks, rows)))(encoders, views)


@eqx.filter_jit
def decoded(decoders, z: Array) -> Array:
    """(lanes, 3, n, pixels), from the embedding of each modality."""
    return eqx.filter_vmap(lambda decode, rows: jax.vmap(jax.vmap(decode))(rows))(decoders, z)


@eqx.filter_jit
def distances(seen: Callable[[Array], Array], shown: Array, real: Array) -> Array:
    """(lanes,), of pictures (lanes, n, pixels) as they are seen."""
    return jax.vmap(lambda *pictures: frechet_distance(*map(jax.vmap(seen), pictures)))(shown, real)


@eqx.filter_jit
def begun(worlds: Flat, keys: Array):
    """The encoders that a training with these keys begins with."""
    build = lambda world, key: build_encoders((ENCODER,) * 3, rows_of(world), key=LaneKeys.split(key).networks)  # noqa: E731
    return eqx.filter_vmap(build)(worlds, keys)


def judge(given: argparse.Namespace) -> Callable[[Array], Array]:
    """What a network that was trained to name the factors of pictures makes of a picture, (16,)."""
    encoder, rows, steps = MLP(16, hidden=256, depth=2), 5 * ROWS, 4 * given.steps
    told = train("reconstruction", Told(TriModalScenes(size=given.size)), key=jax.random.key(0), encoder=(encoder, None),
                 decoder=Decoder(ToVector()), rows=rows, held_out=512, steps=steps, batch=given.batch, learning_rate=1e-3,
                 checkpoint=given.out / "judge", resume=True)  # fmt: skip
    assert told.held_out is not None and told.encoders[0] is not None
    chance = sum(1 - 1 / count for count in FACTORS.values())
    print(f"the judge leaves {float(jnp.min(told.held_out)) / chance:.2f} of the factors' variance", flush=True)
    return told.encoders[0]


def study(label: str, given: argparse.Namespace, seen: Callable[[Array], Array]) -> dict[str, np.ndarray]:
    """Of one objective every figure, (ν, seeds) each, and "examples" (4, scenes, 3, h, w) at the first ν: scenes as they are,
    then as decoded from each modality. `seen`: the judge's features of a picture."""
    (name, hyperparameters), lanes, seeds = OBJECTIVES[label], (len(NU), given.seeds), given.seeds
    nu = jnp.repeat(jnp.array(NU), seeds)
    worlds = jax.vmap(lambda value: TriModalScenes(nu=value, size=given.size))(nu)  # type: ignore[arg-type]
    keys = jax.vmap(lambda seed: jax.random.split(jax.random.key(seed), 5))(jnp.tile(jnp.arange(seeds), len(NU)))
    options = {"steps": given.steps, "batch": given.batch, "learning_rate": 2e-3, "resume": True}
    trained = train(name, Flat(worlds), key=keys[:, 0], encoder=ENCODER, rows=ROWS, held_out=512,
                    hyperparameters=hyperparameters, checkpoint=given.out / f"{label}.encoders", **options)  # fmt: skip
    tests, views = drawn(worlds, None, keys[:, 1]), drawn(worlds, ROWS, keys[:, 3])
    values, z = {}, None
    for when, networks in (("before", begun(Flat(worlds), keys[:, 0])), ("after", trained.encoders)):
        z = embedded(networks, tests)
        for what, value in jax.vmap(measured)(z, keys[:, 2]).items():
            values[f"{what} {when}"] = value
    assert z is not None
    source = Embedded(embedded(trained.encoders, views)[:, 0], views[0], nu.shape)
    decoder = Decoder(ToVector(hidden=256, depth=1))
    made = train("reconstruction", source, key=keys[:, 4], encoder=(Identity(), None), decoder=decoder,
                 checkpoint=given.out / f"{label}.decoder", **options)  # fmt: skip
    pictures = decoded(made.decoder, z)
    error = lambda shown: jnp.mean((shown - tests[0]) ** 2, axis=(1, 2))  # noqa: E731
    for side, modality in enumerate(MODALITIES):
        values[f"error from {modality}"] = error(pictures[:, side])
        values[f"Fréchet from {modality}"] = distances(seen, pictures[:, side], tests[0])
    values["Fréchet of other scenes"] = distances(seen, views[0][:, :TESTED], tests[0])
    values["error of the mean"] = error(jnp.mean(views[0], axis=1, keepdims=True))
    values["diverged"] = trained.diverged | made.diverged
    examples = jnp.concatenate([tests[0][0, None, :SHOWN], pictures[0, :, :SHOWN]])
    examples = examples.reshape(*examples.shape[:2], *worlds.dimensions[0])
    table = {what: np.asarray(value, float).reshape(lanes) for what, value in values.items()}
    return table | {"examples": np.clip(np.asarray(examples), 0, 1)}


def mosaic(examples: list[np.ndarray]) -> np.ndarray:
    """Pixels, a row for each objective: every scene as it is, from its picture, its caption, its sound."""
    rows = [np.concatenate([np.concatenate(list(scene), axis=-1) for scene in one.swapaxes(0, 1)], axis=-1) for one in examples]
    return np.moveaxis(np.concatenate(rows, axis=-2), 0, -1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", default="tiny")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    runtime.prepare()
    seen = judge(given)

    def one(label: str) -> dict[str, np.ndarray]:
        piece = given.out / f"{label}.npz"
        if not piece.exists():
            found: dict[str, Any] = study(label, given, seen)
            np.savez(given.out / "unfinished.npz", **found)
            (given.out / "unfinished.npz").rename(piece)
            print(label, {what: value.mean(axis=1).round(3) for what, value in found.items() if what != "examples"}, flush=True)
        return dict(np.load(piece))

    found = {label: one(label) for label in OBJECTIVES}
    settings = {name: getattr(given, name) for name in ("steps", "batch", "seeds", "size")} | {"rows": ROWS, "tested": TESTED}
    with (given.out / "three_modalities.csv").open("w") as file:
        file.write(f"# {json.dumps(settings)}\n")
        write = csv.writer(file).writerow
        write(("objective", "measure", "nu", "seed", "value"))
        for label, tables in found.items():
            for what, table in tables.items():
                if what != "examples":
                    for (at, seed), value in np.ndenumerate(table):
                        write((label, what, NU[at], seed, f"{value:.5g}"))
    plt.imsave(given.out / "three_modalities.png", mosaic([tables["examples"] for tables in found.values()]))


if __name__ == "__main__":
    main()
