"""Linear encoders of two views as estimators, by scikit-learn's conventions: the whitening square, and each view by itself.

A fitted one can be saved, and its file read without this library as well: `(x - mean_x) / scale_x @ encoder_x`.
"""

import json
from pathlib import Path
from typing import Any, Self

import numpy as np
from jaxtyping import Float

from phasejax.diagnosis import checks
from phasejax.diagnosis.square import FULL, leading_pairs, whiteners
from phasejax.diagnosis.views import View, components_allowed, components_of, principal_view
from phasejax.whole import whole_file


class _Encoders:
    """What both estimators share: everything but the encoders of the components, `_fit`."""

    k: int
    components: tuple[int, int] | None

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments by name; `deep` changes nothing, as there are no estimators inside."""
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self, **params) -> Self:
        """Change arguments by name. **Raises:** `ValueError` for a name that is none of them."""
        for name, value in params.items():
            if name not in self._parameters():
                known = ", ".join(self._parameters())
                raise ValueError(f"{name} is no parameter of {type(self).__name__}: choose from {known}.")
            setattr(self, name, value)
        return self

    def fit(self, x: checks.ViewLike, y: checks.ViewLike) -> Self:
        """Fit to n pairs of rows; y may be a vector.

        **Raises:** `ValueError` for views that are no pairs, and arguments out of range.
        """
        given = x, y
        x, y = checks.view("x", x, fewest=2), checks.view("y", _matrix("y", y), fewest=2)
        checks.same_rows(x, y)
        names = [checks.names_of(side, one, view.shape[1]) for side, one, view in zip("xy", given, (x, y), strict=True)]
        most = self.components or [components_allowed(len(x), view.shape[1]) for view in (x, y)]
        views = [principal_view(view, kept) for view, kept in zip((x, y), most, strict=True)]
        fewest = min(view.variances.size for view in views)
        if not 1 <= self.k <= fewest:
            raise ValueError(f"k = {self.k} is not allowed: the dimensions lie in 1..{fewest}, the components of these views.")
        encoded = self._fit(*views)
        for side, view, values, own, encoder in zip("xy", views, (x, y), names, encoded, strict=True):
            for name, value in (("mean", view.mean), ("scale", view.unit), ("names", np.array(own))):
                setattr(self, f"{name}_{side}_", value)
            setattr(self, f"encoder_{side}_", components_of(view, values) @ encoder)
        self.n_features_in_ = x.shape[1]
        self.correlations_ = _correlations(self._encode("x", x), self._encode("y", y))
        return self

    def transform(self, x: checks.ViewLike | None = None, y: checks.ViewLike | None = None):
        """x encoded (n, k), y encoded where only y is given, or both as a pair.

        **Raises:** `ValueError` before `fit`, and for a view with another number of columns.
        """
        if x is not None and y is not None:
            return self._encode("x", x), self._encode("y", y)
        return self._encode("x", x) if x is not None else self._encode("y", y)

    def fit_transform(
        self, x: checks.ViewLike, y: checks.ViewLike
    ) -> tuple[Float[np.ndarray, "n k"], Float[np.ndarray, "n k"]]:
        """Both encoded views (n, k) of the pairs of the fit."""
        self.fit(x, y)
        return self._encode("x", x), self._encode("y", y)

    def score(self, x: checks.ViewLike, y: checks.ViewLike) -> float:
        """Mean correlation of the encoded views, component by component, in [−1, 1]."""
        return float(_correlations(*self.transform(x, y)).mean())

    def save(self, path: str | Path) -> None:
        """Write what was fitted to a .npz file, whole or not at all. **Raises:** `ValueError` before `fit`; `OSError`."""
        self._check_fitted()
        fitted = {name.removesuffix("_"): value for name, value in vars(self).items() if name.endswith("_")}
        how = json.dumps({"estimator": type(self).__name__, **self.get_params()})
        with whole_file(Path(path)) as draft, draft.open("wb") as file:
            np.savez(file, how=np.array(how), **fitted)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.get_params().items())})"

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks: a transformer that needs a second view, of any number of columns."""
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags  # only scikit-learn calls this

        target = TargetTags(required=True, two_d_labels=True, multi_output=True)
        return Tags(None, target, transformer_tags=TransformerTags(preserves_dtype=[]), input_tags=InputTags())

    def _parameters(self) -> tuple[str, ...]:
        raise NotImplementedError

    def _fit(self, x: View, y: View) -> tuple[Float[np.ndarray, "r_x k"], Float[np.ndarray, "r_y k"]]:
        raise NotImplementedError

    def _encode(self, side: str, view) -> Float[np.ndarray, "n k"]:
        self._check_fitted()
        mean, scale, encoder = (getattr(self, f"{name}_{side}_") for name in ("mean", "scale", "encoder"))
        view = checks.real_array(side, view) if side == "x" else _matrix(side, view)
        if view.ndim != 2 or view.shape[1] != mean.size:
            raise ValueError(f"{side} has shape {view.shape}: {mean.size} columns are needed, as in the fit.")
        return (view - mean) / scale @ encoder

    def _check_fitted(self) -> None:
        if not hasattr(self, "encoder_y_"):
            raise ValueError(f"this {type(self).__name__} is not fitted: call fit(x, y) first.")


class TwoViewEncoder(_Encoders):
    """Linear encoders of two paired views, at one place of the whitening square.

    `alpha_x = alpha_y = 0.001` is CA (ridge CCA), `alpha_y = 1` CP from x to y, `alpha_x = 1` CP from y to x, both 1 PLS;
    what lies between is a ridge on each view. As in a diagnosis, views are taken on their principal components, and columns
    that share no unit (whose deviations differ by more than a factor of 100) are brought to variance 1 first.

    **Arguments:**

    - `k`: dimensions of the encoders.
    - `alpha_x`, `alpha_y` in (0, 1]: how far each view is left unwhitened, ε/(ε + s) with s the mean variance.
    - `components`: most principal components of x and of y; half as many as pairs and 128 at most, where not given.

    **Fitted:** `mean_x_`, `scale_x_` (d_x,), `encoder_x_` (d_x, k) and `names_x_`, likewise for y, and `correlations_` (k,),
    those of the encoded views on the pairs of the fit.
    """

    def __init__(
        self,
        k: int = 2,
        *,
        alpha_x: float = FULL,
        alpha_y: float = FULL,
        components: tuple[int, int] | None = None,
    ) -> None:
        self.k, self.alpha_x, self.alpha_y, self.components = k, alpha_x, alpha_y, components

    def _parameters(self) -> tuple[str, ...]:
        return "k", "alpha_x", "alpha_y", "components"

    def _fit(self, x: View, y: View) -> tuple[Float[np.ndarray, "r_x k"], Float[np.ndarray, "r_y k"]]:
        for name in ("alpha_x", "alpha_y"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} = {getattr(self, name)} is not allowed: it lies in (0, 1].")
        return square_encoders(x, y, self.k, self.alpha_x, self.alpha_y)


class PrincipalComponents(_Encoders):
    """The k leading principal components of each view by itself: what advice of one view alone comes to.

    Arguments, units and what is fitted are those of `TwoViewEncoder`.
    """

    def __init__(self, k: int = 2, *, components: tuple[int, int] | None = None) -> None:
        self.k, self.components = k, components

    def _parameters(self) -> tuple[str, ...]:
        return "k", "components"

    def _fit(self, x: View, y: View) -> tuple[Float[np.ndarray, "r_x k"], Float[np.ndarray, "r_y k"]]:
        return np.eye(x.variances.size, self.k), np.eye(y.variances.size, self.k)


def square_encoders(
    x: View, y: View, k: int, alpha_x: float, alpha_y: float
) -> tuple[Float[np.ndarray, "r_x k"], Float[np.ndarray, "r_y k"]]:
    """Encoders of the components of both views, at one place of the whitening square."""
    scale_x, scale_y = np.sqrt(x.variances), np.sqrt(y.variances)
    cross = scale_x[:, None] * (x.scores.T @ y.scores / len(x.scores)) * scale_y
    white_x, white_y = (whiteners(np.diag(view.variances), (alpha,))[0] for view, alpha in ((x, alpha_x), (y, alpha_y)))
    return leading_pairs(white_x, white_x @ cross @ white_y, white_y, k)


def load_encoder(path: str | Path) -> TwoViewEncoder | PrincipalComponents:
    """A fitted estimator from the file that its `save` wrote. **Raises:** `ValueError` for any other file; `OSError`."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            how = json.loads(str(stored["how"]))
            kind = {"TwoViewEncoder": TwoViewEncoder, "PrincipalComponents": PrincipalComponents}[how.pop("estimator")]
            model = kind(**how)
            for name in stored.files:
                if name != "how":
                    setattr(model, f"{name}_", stored[name])
    except (ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        raise ValueError(f"{path} is no saved encoder: a file that phasejax diagnose --save wrote is needed.") from error
    return model


def _matrix(side: str, view) -> np.ndarray:
    view = checks.real_array(side, view)
    return view[:, None] if view.ndim == 1 else view


def _correlations(one: np.ndarray, other: np.ndarray) -> Float[np.ndarray, " k"]:
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    size = np.sqrt(np.sum(one**2, axis=0) * np.sum(other**2, axis=0))
    return np.sum(one * other, axis=0) / np.maximum(size, 1e-300)
