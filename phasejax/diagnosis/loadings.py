"""What the advised encoder reads, column by column."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from phasejax.diagnosis.estimators import square_encoders
from phasejax.diagnosis.result import Loadings
from phasejax.diagnosis.sample import Sample
from phasejax.diagnosis.trial import Candidate
from phasejax.diagnosis.views import with_columns


def loadings_of(
    views: tuple[Float[np.ndarray, "n d_x"], Float[np.ndarray, "n d_y"]],
    names: Sequence[list[str]],
    sample: Sample,
    advised: Candidate,
) -> Loadings:
    """Correlations of the columns of a view with the directions of the advised encoder, fitted to all pairs; 0 for constant
    columns."""
    side = 0 if advised.view == "x" else 1
    view = (sample.x, sample.y)[side]
    components = view.scores * np.sqrt(view.variances)
    if np.isnan(advised.alpha[0]):
        encoded = components[:, : advised.k]
    else:
        alpha = advised.alpha if side == 0 else advised.alpha[::-1]
        encoded = components @ square_encoders(sample.x, sample.y, advised.k, *alpha)[side]
    covariance, variance = with_columns(view, views[side], encoded)
    size = np.sqrt(variance[:, None] * np.mean(encoded**2, axis=0))
    correlation = np.divide(covariance, size, out=np.zeros_like(covariance), where=size > 0)
    return Loadings(advised.view, tuple(names[side]), correlation)
