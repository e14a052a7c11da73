"""The control that no objective of pairs can solve: of three modalities any two are independent, and all three are not."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from phasejax import checks
from phasejax.worlds.world import Drawn, World


class XorTriples(World):
    """Three rows of standard Gaussian noise whose first coordinates carry bits a, b and a ⊕ b:

        x^m = amplitude · (2 bit_m − 1) e₁ + g^m.

    Any two bits are independent, so alignment and prediction between two modalities have nothing to find, and the probe of
    what they learn reads chance; each bit is there to be read, and two of them determine the third.

    **Arguments:** `amplitude` ≥ 0; `d` ≥ 1, coordinates of each modality.

    **Raises:** `ValueError` on a knob out of range.
    """

    amplitude: Float[Array, ""] = eqx.field(converter=checks.floats, default=1.0, kw_only=True)
    d: int = eqx.field(static=True, default=16, kw_only=True)

    def __check_init__(self):
        checks.nonnegative(amplitude=self.amplitude)
        checks.whole("d", self.d, 1)

    @property
    def dimensions(self) -> tuple[tuple[int, ...], ...]:
        return ((self.d,),) * 3

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.amplitude.shape

    def one(self, key: Key[Array, ""]) -> Drawn:
        key_bits, key_noise = jax.random.split(key)
        a, b = jax.random.bernoulli(key_bits, shape=(2,)).astype(jnp.int32)
        bits = jnp.stack([a, b, a ^ b])
        rows = (
            jax.random.normal(key_noise, (3, self.d))
            .at[:, 0]
            .add(self.amplitude * (2.0 * bits.astype(self.amplitude.dtype) - 1))
        )
        return Drawn(tuple(rows), {"bit_x": a, "bit_y": b, "bit_z": a ^ b}, {})
