"""The encoders of the whitening square as an estimator of two views, by scikit-learn's conventions."""

from typing import Self

import numpy as np
from jaxtyping import ArrayLike, Float

from phasejax.diagnosis import checks
from phasejax.diagnosis.square import FULL, leading_pairs, whiteners


class TwoViewEncoder:
    """Linear encoders of two paired views, at one place of the whitening square.

    `alpha_x = alpha_y = 0.001` is CA (ridge CCA), `alpha_y = 1` CP from x to y, `alpha_x = 1` CP from y to x, both 1 PLS;
    what lies between is a ridge on each view. Columns are standardised first, so that units change nothing.

    **Arguments:**

    - `k`: dimensions of the encoders.
    - `alpha_x`, `alpha_y` in (0, 1]: how far each view is left unwhitened, ε/(ε + s) with s the mean variance.

    **Fitted:** `mean_x_`, `scale_x_` (d_x,) and `encoder_x_` (d_x, k), likewise for y, and `correlations_` (k,), those of the
    encoded views on the pairs of the fit. The loading of a column is its row of an encoder.
    """

    def __init__(self, k: int = 2, *, alpha_x: float = FULL, alpha_y: float = FULL) -> None:
        self.k, self.alpha_x, self.alpha_y = k, alpha_x, alpha_y

    def get_params(self, deep: bool = True) -> dict:
        """The arguments by name; `deep` changes nothing, as there are no estimators inside."""
        return {"k": self.k, "alpha_x": self.alpha_x, "alpha_y": self.alpha_y}

    def set_params(self, **params) -> Self:
        """Change arguments by name. **Raises:** `ValueError` for a name that is none of them."""
        for name, value in params.items():
            if name not in self.get_params():
                raise ValueError(f"{name} is no parameter of TwoViewEncoder: choose from k, alpha_x, alpha_y.")
            setattr(self, name, value)
        return self

    def fit(self, x: ArrayLike, y: ArrayLike) -> Self:
        """Fit to n pairs of rows. **Raises:** `ValueError` for views that are no pairs, k or α out of range."""
        x, y = checks.view("x", x).astype(float), checks.view("y", y).astype(float)
        checks.same_rows(x, y)
        most = min(x.shape[1], y.shape[1])
        if not 1 <= self.k <= most:
            raise ValueError(f"k = {self.k} is not allowed: the dimensions lie in 1..{most}.")
        for name in ("alpha_x", "alpha_y"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} = {getattr(self, name)} is not allowed: it lies in (0, 1].")
        self.mean_x_, self.scale_x_ = _standard(x)
        self.mean_y_, self.scale_y_ = _standard(y)
        x, y = (x - self.mean_x_) / self.scale_x_, (y - self.mean_y_) / self.scale_y_
        n = len(x)
        white_x, white_y = whiteners(x.T @ x / n, (self.alpha_x,))[0], whiteners(y.T @ y / n, (self.alpha_y,))[0]
        self.encoder_x_, self.encoder_y_ = leading_pairs(white_x, x.T @ y / n, white_y, self.k)
        self.correlations_ = _correlations(x @ self.encoder_x_, y @ self.encoder_y_)
        return self

    def transform(self, x: ArrayLike | None = None, y: ArrayLike | None = None):
        """x encoded (n, k), y encoded where only y is given, or both as a pair."""
        if x is None or y is None:
            return self._encode_y(y) if x is None else self._encode_x(x)
        return self._encode_x(x), self._encode_y(y)

    def fit_transform(self, x: ArrayLike, y: ArrayLike) -> tuple[Float[np.ndarray, "n k"], Float[np.ndarray, "n k"]]:
        self.fit(x, y)
        return self._encode_x(x), self._encode_y(y)

    def score(self, x: ArrayLike, y: ArrayLike) -> float:
        """Mean correlation of the encoded views, component by component, in [−1, 1]."""
        return float(_correlations(self._encode_x(x), self._encode_y(y)).mean())

    def _encode_x(self, x) -> Float[np.ndarray, "n k"]:
        return (np.asarray(x, float) - self.mean_x_) / self.scale_x_ @ self.encoder_x_

    def _encode_y(self, y) -> Float[np.ndarray, "n k"]:
        return (np.asarray(y, float) - self.mean_y_) / self.scale_y_ @ self.encoder_y_


def _standard(view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scale = view.std(axis=0)
    return view.mean(axis=0), np.where(scale > 0, scale, 1)


def _correlations(one: np.ndarray, other: np.ndarray) -> Float[np.ndarray, " k"]:
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    size = np.sqrt(np.sum(one**2, axis=0) * np.sum(other**2, axis=0))
    return np.sum(one * other, axis=0) / np.maximum(size, 1e-300)
