"""Two networks whose trained weights Python packages ship, as forward passes: EfficientNet-Lite0 for pictures, trained on
ImageNet (M. Tan and Q. Le 2019, the "lite" form of 2020), and MiniLM for sentences (W. Wang et al. 2020, tuned on pairs of
sentences). Weights are read by their names in the files; sizes are those of the arrays.
"""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

Weights = dict[str, np.ndarray]
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
"""Of EfficientNet-Lite0's sixteen blocks."""
HEADS, LAYERS = 12, 6
"""Of MiniLM."""


def efficientnet(weights: Weights, pictures: Float[Array, "n 3 h w"]) -> Float[Array, "n 1280"]:
    """Features of pictures with values in [0, 1]; of 224×224 pixels, as it was trained."""

    def convolution(name: str, x: Array, stride: int = 1) -> Array:
        return jax.lax.conv_general_dilated(x, jnp.asarray(weights[f"{name}.weight"]), (stride,) * 2, "SAME")

    def depthwise(name: str, x: Array, stride: int) -> Array:
        """Each channel by itself, as a sum of shifted pictures: XLA's grouped convolutions are slow on a CPU."""
        kernel = weights[f"{name}.weight"][:, 0]
        size, (height, width) = kernel.shape[-1], x.shape[2:]
        rows, columns = (-(-length // stride) for length in (height, width))
        pads = [max((count - 1) * stride + size - length, 0) for count, length in ((rows, height), (columns, width))]
        x = jnp.pad(x, ((0, 0), (0, 0), *((pad // 2, pad - pad // 2) for pad in pads)))
        shifted = (
            x[:, :, i : i + (rows - 1) * stride + 1 : stride, j : j + (columns - 1) * stride + 1 : stride]
            * kernel[None, :, i, j, None, None]
            for i in range(size)
            for j in range(size)
        )
        return sum(shifted, jnp.zeros(()))

    def normalised(name: str, x: Array) -> Array:
        scale, shift, mean, variance = (weights[f"{name}.{of}"] for of in ("weight", "bias", "running_mean", "running_var"))
        factor = scale / np.sqrt(variance + 1e-3)
        return x * factor[:, None, None] + (shift - mean * factor)[:, None, None]

    x = (255 * pictures - 127) / 128
    x = jax.nn.relu6(normalised("_bn0", convolution("_conv_stem", x, 2)))
    for number, stride in enumerate(STRIDES):
        block, inner = f"_blocks.{number}.", x
        if f"{block}_expand_conv.weight" in weights:
            inner = jax.nn.relu6(normalised(f"{block}_bn0", convolution(f"{block}_expand_conv", inner)))
        inner = jax.nn.relu6(normalised(f"{block}_bn1", depthwise(f"{block}_depthwise_conv", inner, stride)))
        inner = normalised(f"{block}_bn2", convolution(f"{block}_project_conv", inner))
        x = x + inner if x.shape == inner.shape else inner
    return jax.nn.relu6(normalised("_bn1", convolution("_conv_head", x))).mean(axis=(2, 3))


def classes(weights: Weights, features: Float[Array, "n 1280"]) -> Int[Array, " n"]:
    """ImageNet's number of what EfficientNet takes each picture for."""
    return jnp.argmax(features @ weights["_fc.weight"].T + weights["_fc.bias"], axis=1)


def minilm(weights: Weights, tokens: Int[Array, "n length"]) -> Float[Array, "n 384"]:
    """Embeddings of texts, their tokens filled up with zeros: the mean over tokens, of length one."""

    def linear(name: str, x: Array) -> Array:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def normalised(name: str, x: Array) -> Array:
        x = jax.nn.standardize(x, epsilon=1e-12)
        return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    there, (n, length) = tokens > 0, tokens.shape
    words, places, kinds = (weights[f"embeddings.{of}_embeddings.weight"] for of in ("word", "position", "token_type"))
    x = normalised("embeddings.LayerNorm", jnp.asarray(words)[tokens] + places[:length] + kinds[0])
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}."
        query, key, value = (
            linear(f"{layer}attention.self.{of}", x).reshape(n, length, HEADS, -1) for of in ("query", "key", "value")
        )
        heard = jax.nn.dot_product_attention(query, key, value, mask=there[:, None, None, :]).reshape(x.shape)
        x = normalised(f"{layer}attention.output.LayerNorm", x + linear(f"{layer}attention.output.dense", heard))
        inner = jax.nn.gelu(linear(f"{layer}intermediate.dense", x), approximate=False)
        x = normalised(f"{layer}output.LayerNorm", x + linear(f"{layer}output.dense", inner))
    mean = (x * there[:, :, None]).sum(axis=1) / there.sum(axis=1, keepdims=True)
    return mean / jnp.linalg.norm(mean, axis=1, keepdims=True)


def tensors(path: Path) -> Weights:
    """The arrays of a file of weights in the format of PyTorch before 1.6."""
    with path.open("rb") as file:
        *_, described, order = (
            _Described(file).load() for _ in range(5)
        )  # after a magic number, a version, and sizes of types
        stored = {}
        types = {key: dtype for (key, dtype), *_ in described.values()}
        for key in order:
            (size,) = np.fromfile(file, np.int64, 1)
            stored[key] = np.fromfile(file, types[key], size)
    return {name: _strided(stored[key], *form) for name, ((key, _), *form) in described.items()}


def _strided(values: np.ndarray, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    steps = tuple(values.itemsize * stride for stride in strides)
    return np.lib.stride_tricks.as_strided(values[offset:], shape, steps, writeable=False).copy()


class _Described(pickle.Unpickler):
    """Where each tensor lies, ((storage, type), offset, shape, strides), and nothing that could run code."""

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): lambda storage, offset, shape, strides, *_: (
                storage,
                offset,
                shape,
                strides,
            ),
            ("torch", "FloatStorage"): np.float32,
            ("torch", "LongStorage"): np.int64,
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a file of weights.")
        return known[module, name]

    def persistent_load(self, pid: Any) -> tuple[str, type]:
        _, dtype, key, *_ = pid
        return key, dtype
