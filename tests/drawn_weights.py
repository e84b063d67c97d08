"""Weights by name and seed, the same numbers wherever NumPy runs: what two implementations of one network are compared with."""

import math
import zlib

import numpy as np


def draw(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of the size that such a weight has once trained, so that nothing fades or explodes on the way."""
    noise = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
    last = name.rsplit(".", 1)[-1]
    if last == "logit_scale":
        return (math.log(10) + noise).astype(np.float32)
    if last in ("variance", "running_var"):
        return (0.5 + np.abs(noise)).astype(np.float32)
    if sum(n > 1 for n in shape) < 2:  # biases, and scales of norms
        return (0.1 * noise + (last == "weight" and len(shape) == 1)).astype(np.float32)
    terms = np.prod(shape[1:]) / (4 if shape[2:] == (4, 4) else 1)  # a transposed convolution of stride 2 adds a quarter of them
    return (noise * math.sqrt((2 if len(shape) == 4 else 1) / terms)).astype(np.float32)


def glimpse(array: np.ndarray, count: int = 1500) -> np.ndarray:
    """As many numbers from all over an array, then its norm."""
    flat = np.asarray(array, np.float32).ravel()
    norm = np.linalg.norm(flat.astype(np.float64))
    return np.append(flat[:: -(-flat.size // count)], norm).astype(np.float32)
