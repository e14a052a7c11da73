"""What is trained on a world: its networks by the modalities that it has, and what is read of it."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from phasejax.experiments.world.spec import SUPERVISED, Trial, WorldTable
from phasejax.objectives import get
from phasejax.training import MLP, Convolutional, Decoder, Projected, ToClasses, ToPicture, ToTokens, Transformer
from phasejax.training.data import Source, Views
from phasejax.training.decoders import DecoderRecipe
from phasejax.training.encoders import Recipe
from phasejax.worlds import CaptionedScenes, Drawn, StereoSolids, StereoSprites
from phasejax.worlds.captions import STYLES, WORDS

Worlds = StereoSprites | StereoSolids | CaptionedScenes
WORLDS: dict[str, type[Worlds]] = {"sprites": StereoSprites, "solids": StereoSolids, "captions": CaptionedScenes}


class Labelled(eqx.Module):
    """The world with its class as a third modality, which a supervised decoder predicts."""

    world: Worlds

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.world.batch_shape

    def sample(self, n: int, *, key: Key[Array, ""]) -> Views:
        drawn = self.world.draw(n, key=key)
        return *drawn.views, drawn.signal["class"].astype(jnp.int32)


class Plan(NamedTuple):
    """What `phasejax.training.train` is given for one objective."""

    objective: str
    source: Source
    options: dict[str, Any]


def plan(table: WorldTable, trial: Trial, worlds: Worlds) -> Plan:
    """The training of one objective on stacked worlds: which modalities are encoded, and what predicts which."""
    if trial.objective == SUPERVISED:
        decoder = Decoder(ToClasses(len(worlds.classes)), 0, 2)
        encoders = (_encoder(table, worlds.dimensions[0], table.features), None, None)
        return Plan("reconstruction", Labelled(worlds), {"encoder": encoders, "decoder": decoder})
    options: dict[str, Any] = {"hyperparameters": trial.hyperparameters}
    inputs = get(trial.objective).inputs
    if "predicted" in inputs:
        target = 1 - trial.source
        options["decoder"] = Decoder(_decoder(table, worlds.dimensions[target]), trial.source, target)
    if "z" in inputs:
        head = MLP(trial.width or table.width, table.features)
        encoders = tuple(Projected(_encoder(table, shape, table.features), head) for shape in worlds.dimensions)
    else:
        features = trial.width or table.features
        encoders = tuple(
            _encoder(table, shape, features) if side == trial.source else None for side, shape in enumerate(worlds.dimensions)
        )
    return Plan(trial.objective, worlds, options | {"encoder": encoders})


def told(drawn: Drawn) -> tuple[Int[Array, " n"], Float[Array, "n t"]]:
    """The class, and the nuisance that both modalities show: the position, or which kind of each style there is."""
    nuisance = drawn.nuisance
    if "style" in nuisance:
        kinds = [jax.nn.one_hot(nuisance["style"][:, group], len(names)) for group, names in enumerate(STYLES.values())]
        return drawn.signal["class"], jnp.concatenate(kinds, axis=1)
    return drawn.signal["class"], nuisance["position"]


def _encoder(table: WorldTable, shape: tuple[int, ...], features: int) -> Recipe:
    if len(shape) == 3:
        return Convolutional(features, channels=table.channels, hidden=table.hidden)
    return Transformer(features, vocabulary=len(WORDS), size=table.text_size, depth=table.text_depth)


def _decoder(table: WorldTable, shape: tuple[int, ...]) -> DecoderRecipe:
    return ToPicture(table.channels[::-1]) if len(shape) == 3 else ToTokens(len(WORDS))
