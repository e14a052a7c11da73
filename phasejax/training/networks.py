"""All that is trained together: an encoder for each modality and, where something is predicted, a decoder."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
from jaxtyping import Array, Float, Key

from phasejax import checks
from phasejax.training.data import Views
from phasejax.training.decoders import Decoder
from phasejax.training.encoders import Encoders, Recipe, Row, build_encoders, features, project


class Networks(NamedTuple):
    """Encoders, and the decoder on the features of one of them."""

    encoders: Encoders
    decoder: Callable[[Array], Array] | None


def build_networks(
    recipes: tuple[Recipe | None, ...], decoder: Decoder | None, rows: tuple[Row, ...], *, key: Key[Array, ""]
) -> Networks:
    """Freshly initialised networks for rows of these shapes.

    **Raises:** `ValueError` on rows that a recipe does not take, or embeddings of different widths.
    """
    encoders = build_encoders(recipes, rows, key=key)
    pairs = [(encoder, row) for encoder, row in zip(encoders, rows, strict=True) if encoder is not None]
    widths = [jax.eval_shape(encoder, row).shape for encoder, row in pairs]
    if len(set(widths)) > 1:
        raise ValueError(f"the encoders give {', '.join(str(width) for (width,) in widths)} numbers: one width is allowed.")
    if decoder is None:
        return Networks(encoders, None)
    checks.whole("decoder.source", decoder.source, 0, len(rows) - 1)
    checks.whole("decoder.target", decoder.target, 0, len(rows) - 1)
    views = tuple(Row((1, *row.shape), row.dtype) for row in rows)
    read = jax.eval_shape(lambda *views: features(encoders, views), *views)[decoder.source]
    if read is None:
        raise ValueError(f"modality {decoder.source} has no encoder: the decoder needs its features.")
    made = decoder.recipe.build(read.shape[1], rows[decoder.target], key=jax.random.fold_in(key, len(rows)))
    return Networks(encoders, made)


def outputs(
    networks: Networks, decoder: Decoder | None, views: Views
) -> tuple[Float[Array, "M B width"], Views] | tuple[Float[Array, "M B width"], Views, Float[Array, "B ..."]]:
    """What a loss is given: the embeddings, the rows, and what the decoder makes of its source's features."""
    read = features(networks.encoders, views)
    z = project(networks.encoders, read)
    if decoder is None or networks.decoder is None:
        return z, views
    source = read[decoder.source]
    assert source is not None
    return z, views, jax.vmap(networks.decoder)(source)


def arrays(networks: Networks) -> Networks:
    """Their array leaves, the weights."""
    return eqx.filter(networks, eqx.is_array)
