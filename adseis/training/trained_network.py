"""A network with what stands before and behind it: from pressure to speeds in m/s, and the file that it is kept in."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adseis.networks.weights import read_about, read_weights
from adseis.training.prediction import predict
from adseis.training.transforms import HIGH, LOW, Transforms, read_transforms


class Inverter(eqx.Module):
    """Speeds from gathers, by a trained network.

    Attributes:
        network: In use, not in training.
        transforms: Before and behind it.
    """

    network: Any
    transforms: Transforms = eqx.field(static=True)

    @eqx.filter_jit
    def __call__(self, gathers: Float[Array | np.ndarray, "sample shot time receiver"]) -> Float[Array, "sample z x"]:
        """Speeds of several samples.

        Args:
            gathers: Pressure.

        Returns:
            [m/s], within OpenFWI's range.

        Raises:
            ValueError: If the gathers are of another size than the network takes.
        """
        taken = self.transforms.gathers(self.transforms.sized(jnp.asarray(gathers)))
        return jnp.clip(self.transforms.speeds.back(predict(self.network, taken)[:, 0]), LOW, HIGH)

    @eqx.filter_jit
    def mirrored(self, gathers: Float[Array | np.ndarray, "sample shot time receiver"]) -> Float[Array, "sample z x"]:
        """The mean of what it says of the gathers and of their mirror image.

        OpenFWI's middle source stands at column 34, and its mirror image at 35: they are taken for the same.

        Args:
            gathers: Pressure.

        Returns:
            [m/s].
        """
        gathers = jnp.asarray(gathers)
        return (self(gathers) + self(gathers[:, ::-1, :, ::-1])[:, :, ::-1]) / 2

    def in_batches(
        self, gathers: Float[np.ndarray, "sample shot time receiver"], *, batch: int = 32, mirror: bool = False
    ) -> Float[np.ndarray, "sample z x"]:
        """Speeds of many samples, so many at a time; few are filled up to a power of two, so that little is compiled.

        Args:
            gathers: Pressure.
            batch: How many at a time.
            mirror: Whether as `mirrored`.

        Returns:
            [m/s].
        """
        call: Callable[..., Array] = self.mirrored if mirror else self
        found, batch = [], min(batch, 1 << max(len(gathers) - 1, 0).bit_length())
        for first in range(0, len(gathers), batch):
            some = gathers[first : first + batch]
            filled = np.concatenate([some, np.zeros((batch - len(some), *some.shape[1:]), some.dtype)])
            found.append(np.asarray(jax.block_until_ready(call(filled)))[: len(some)])
        return np.concatenate(found) if found else np.zeros((0, 70, 70), np.float32)


def read_inverter(path: str | os.PathLike[str], build: Callable[[Mapping[str, Any]], Any]) -> tuple[Inverter, dict[str, Any]]:
    """Read weights, and the transforms that belong to them.

    Args:
        path: File that a training has left.
        build: From what the header says to a network of the same structure, whatever its weights.

    Returns:
        The inverter, and what the header says.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or of another network.
    """
    about = read_about(path)
    if "transforms" not in about:
        raise ValueError(f"`{path}` tells no transforms: it is no file of a network for OpenFWI's gathers.")
    network = with_weights(build(about), path)
    return Inverter(eqx.nn.inference_mode(getattr(network, "generator", network)), read_transforms(about["transforms"])), about


def with_weights(network: Any, path: str | os.PathLike[str]) -> Any:
    """A network with the weights of a file.

    Args:
        network: Of the same structure.
        path: File that a training has left.

    Returns:
        The network.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or of another network.
    """
    weights, rest = eqx.partition(network, eqx.is_inexact_array)
    return eqx.combine(read_weights(path, weights), rest)
