"""The one convolution of encoders and decoders, 4×4, stride 2, padding 1: it halves a picture, transposed it doubles one.

XLA's convolution for CPUs does not run inside a compiled loop: there the same sum is a matrix product over patches
(`docs/training.md` has the times). What is lowered decides, here and nowhere else.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

KERNEL, STRIDE, PADDING = 4, 2, 1


class Convolution(eqx.Module):
    """(C_in, H, W) → (C_out, H // 2, W // 2)."""

    weight: Float[Array, "o c 4 4"]
    bias: Float[Array, "o 1 1"]

    def __init__(self, channels_in: int, channels_out: int, *, key: Key[Array, ""]):
        layer = eqx.nn.Conv2d(channels_in, channels_out, KERNEL, STRIDE, PADDING, key=key)
        assert layer.bias is not None
        self.weight, self.bias = layer.weight, layer.bias

    def __call__(self, x: Float[Array, "c h w"], *, key: None = None) -> Float[Array, "o h2 w2"]:
        return convolve(x, self.weight) + self.bias


class Transposed(eqx.Module):
    """(C_in, H, W) → (C_out, 2H, 2W), the transpose of a `Convolution` the other way."""

    weight: Float[Array, "c o 4 4"]
    bias: Float[Array, "o 1 1"]

    def __init__(self, channels_in: int, channels_out: int, *, key: Key[Array, ""]):
        layer = eqx.nn.ConvTranspose2d(channels_in, channels_out, KERNEL, STRIDE, padding=PADDING, key=key)
        assert layer.bias is not None
        self.weight, self.bias = jnp.swapaxes(layer.weight, 0, 1), layer.bias

    def __call__(self, x: Float[Array, "c h w"], *, key: None = None) -> Float[Array, "o h2 w2"]:
        _, h, w = x.shape
        double = jax.ShapeDtypeStruct((self.weight.shape[1], STRIDE * h, STRIDE * w), x.dtype)
        (picture,) = jax.linear_transpose(lambda picture: convolve(picture, self.weight), double)(x)
        return picture + self.bias


def convolve(x: Float[Array, "c h w"], weight: Float[Array, "o c 4 4"]) -> Float[Array, "o h2 w2"]:
    """The convolution without its bias, in the form that is fast on the platform it is lowered for."""
    return lax.platform_dependent(x, weight, cpu=by_blocks, default=by_library)


def by_library(x: Float[Array, "c h w"], weight: Float[Array, "o c 4 4"]) -> Float[Array, "o h2 w2"]:
    """XLA's own convolution."""
    return lax.conv_general_dilated(x[None], weight, (STRIDE, STRIDE), [(PADDING, PADDING)] * 2)[0]


def by_blocks(x: Float[Array, "c h w"], weight: Float[Array, "o c 4 4"]) -> Float[Array, "o h2 w2"]:
    """One product with patches of 2×2 neighbouring blocks of 2×2 pixels: no slice of the padded picture has a stride."""
    channels, height, width = x.shape
    h, w = height // STRIDE, width // STRIDE
    padded = jnp.pad(x, ((0, 0), (PADDING, PADDING - height % STRIDE), (PADDING, PADDING - width % STRIDE)))
    blocks = padded.reshape(channels, h + 1, STRIDE, w + 1, STRIDE).transpose(0, 2, 4, 1, 3)
    patches = jnp.stack([blocks[..., i : i + h, j : j + w] for i in (0, 1) for j in (0, 1)], axis=1).reshape(-1, h * w)
    across = weight.reshape(-1, channels, 2, STRIDE, 2, STRIDE).transpose(0, 1, 2, 4, 3, 5)  # within a block last, like patches
    return (across.reshape(len(weight), -1) @ patches).reshape(-1, h, w)
