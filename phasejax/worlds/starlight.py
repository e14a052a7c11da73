"""Stars seen twice: in a spectrum and in a light curve, as in the astronomy experiments of arXiv 2606.11190.

A star has a temperature Teff, a surface gravity log g, a metallicity [Fe/H], an age, and a rotation period that grows with age
and falls with temperature. The spectrum tells the first three; the light curve tells the period, by spots that come and go, and
log g, by granulation. Dust tilts the spectrum and dims the light curve: the nuisance of both, correlated by ν.
"""

from math import pi

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from phasejax import checks
from phasejax.worlds.world import PIXELS, Drawn, Size, World, size_field

WINDOW = 80.0
"""Days that a light curve covers."""
SOLAR = (5772.0, 4.44, 4.6)
"""Teff in K, log g, and age in Gyr of the Sun, whose period is set to 25 days."""
LINES = 12


class Starlight(World):
    """A spectrum and a light curve of 128, 256 or 1024 bins each, by size.

    **Arguments:**

    - `nu` in [0, 1]: the correlation of the two views' nuisance; `dust` ≥ 0 its strength.
    - `spectral_noise` and `photometric_noise` ≥ 0, relative to the continuum and to a full spot: .1 is quiet, 1 hides all.
    - `size`: "tiny", "small" or "published".

    **Raises:** `ValueError` on a knob out of range.
    """

    nu: Float[Array, ""] = eqx.field(converter=checks.floats, default=0.5, kw_only=True)
    dust: Float[Array, ""] = eqx.field(converter=checks.floats, default=0.3, kw_only=True)
    spectral_noise: Float[Array, ""] = eqx.field(converter=checks.floats, default=0.02, kw_only=True)
    photometric_noise: Float[Array, ""] = eqx.field(converter=checks.floats, default=0.1, kw_only=True)
    size: Size = size_field()

    def __check_init__(self):
        checks.choice("size", self.size, PIXELS)
        checks.entries("nu", self.nu, lambda v: (v >= 0) & (v <= 1), "in [0, 1]")
        checks.nonnegative(dust=self.dust, spectral_noise=self.spectral_noise, photometric_noise=self.photometric_noise)

    @property
    def bins(self) -> int:
        """Of a view."""
        return {"tiny": 128, "small": 256, "published": 1024}[self.size]

    @property
    def dimensions(self) -> tuple[tuple[int, ...], ...]:
        return (self.bins,), (self.bins,)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.nu.shape

    def one(self, key: Key[Array, ""]) -> Drawn:
        keys = jax.random.split(key, 5)
        u = jax.random.uniform(keys[0], (4,))
        teff, age = 4600 + 1800 * u[0], 0.5 + 10 * u[1]
        log_g, metallicity = 3.6 + 1.0 * u[2], 1.2 * (u[3] - 0.6)
        period = rotation_period(teff, age)
        g = jax.random.normal(keys[1], (3,))
        dust = jnp.sqrt(self.nu) * g[0] + jnp.sqrt(1 - self.nu) * g[1:]
        flux = spectrum(teff, log_g, metallicity, self.dust * dust[0], self.bins)
        flux = flux + self.spectral_noise * jax.random.normal(keys[2], (self.bins,))
        curve = light_curve(period, log_g, self.bins, key=keys[3]) - self.dust * dust[1]
        curve = curve + self.photometric_noise * jax.random.normal(keys[4], (self.bins,))
        signal = {"teff": teff, "log_g": log_g, "metallicity": metallicity, "age": age, "period": period}
        return Drawn((flux, curve), signal, {"dust": dust})


def rotation_period(teff: Array, age: Array) -> Array:
    """Days: 25 for the Sun, growing with the root of age, shorter for hotter stars (a gyrochronology of the simplest kind)."""
    return 25 * jnp.sqrt(age / SOLAR[2]) * ((6700 - teff) / (6700 - SOLAR[0])) ** 0.4


def spectrum(teff: Array, log_g: Array, metallicity: Array, slope: Array, bins: int) -> Float[Array, " bins"]:
    """Flux from 400 to 700 nm: a Planck continuum of mean 1, tilted by dust, times Gaussian absorption lines.

    Every third line is hydrogen's, deeper in hotter stars; the others are metals', deeper with metallicity and in cooler ones;
    all broaden with gravity.
    """
    wavelength = jnp.linspace(400.0, 700.0, bins)
    planck = wavelength**-5.0 / jnp.expm1(1.4388e7 / (wavelength * teff))
    continuum = planck / jnp.mean(planck)
    position = (wavelength - 550) / 150
    centers = 400 + 300 * (jnp.arange(float(LINES)) * 0.618034 % 1)
    hydrogen = jnp.arange(LINES) % 3 == 0
    heat = (teff - SOLAR[0]) / 1000
    depth = jnp.where(hydrogen, 0.4 * jnp.exp(0.8 * heat), 0.35 * 10 ** (0.5 * metallicity) * jnp.exp(-0.5 * heat))
    width = 2.5 * jnp.exp(0.5 * (log_g - SOLAR[1]) * jnp.where(hydrogen, 2.0, 1.0))
    profile = jnp.exp(-0.5 * ((wavelength[:, None] - centers[None, :]) / width[None, :]) ** 2)
    absorbed = jnp.prod(1 - jnp.minimum(depth, 0.95)[None, :] * profile, axis=1)
    return continuum * jnp.exp(slope * position) * absorbed


def light_curve(period: Array, log_g: Array, bins: int, *, key: Key[Array, ""]) -> Float[Array, " bins"]:
    """Relative flux over 80 days: spots that turn with the star and wax and wane, and granulation, stronger in giants."""
    keys = jax.random.split(key, 3)
    time = jnp.linspace(0.0, WINDOW, bins)
    phases = 2 * pi * jax.random.uniform(keys[0], (4,))
    waxing = 1 + 0.5 * jnp.sin(2 * pi * time / (3 * period) + phases[2])
    turn = 2 * pi * time / period
    spots = waxing * (0.7 * jnp.sin(turn + phases[0]) + 0.3 * jnp.sin(2 * turn + phases[1]))
    granules = jax.random.normal(keys[1], (bins,))
    granules = (granules + jnp.roll(granules, 1)) / jnp.sqrt(2)
    return spots + 0.1 * 10 ** (0.9 * (SOLAR[1] - log_g)) * granules


def frozen_features(views: tuple[Float[Array, "n bins"], Float[Array, "n bins"]]) -> tuple[Array, Array]:
    """What a frozen encoder of each view would give: the spectrum as it is; of the light curve the logarithm of its power at
    each frequency, since a period is a matter of power and not of phase, and its mean."""
    flux, curve = views
    mean = jnp.mean(curve, axis=1, keepdims=True)
    power = jnp.abs(jnp.fft.rfft(curve - mean, axis=1)[:, 1:]) ** 2 / curve.shape[1]
    return flux, jnp.concatenate([jnp.log(power + 1e-3), mean], axis=1)
