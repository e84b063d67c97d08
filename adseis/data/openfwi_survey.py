"""OpenFWI's experiment: its wavelet, its lines of shots and receivers, and the damping around its maps."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from adseis.experiment.checks import Samples

SHAPE, SPACING, DT, NT, FREQUENCY = (70, 70), 10.0, 1e-3, 1000, 15.0
ROW = 1
"""Of shots and receivers."""
SHOTS = 5
CELLS = 120
"""Nodes of damping on every side."""


class Lines(NamedTuple):
    """Shots and receivers on nodes.

    Attributes:
        sources: Row and column of each shot, `(shot, 2)`.
        receivers: Row and column of each receiver, `(receiver, 2)`.
    """

    sources: Int[np.ndarray, "shot 2"]
    receivers: Int[np.ndarray, "receiver 2"]


def wavelet(frequency: float = FREQUENCY, nt: int = NT, dt: float = DT) -> Float[np.ndarray, " time"]:
    r"""OpenFWI's Ricker wavelet: a pulse of whole samples, then silence.

        s_k = (1 - 2 b) exp(-b),    b = (pi f dt (n - k))^2,    k = 0 ... 2 n,    n = floor(1.1 / (f dt)).

    Args:
        frequency: f [Hz].
        nt: Number of samples.
        dt: Time step [s].

    Returns:
        Samples, `(time,)`.

    Raises:
        ValueError: If a number is not positive.
    """
    if not (frequency > 0 and nt > 0 and dt > 0):
        raise ValueError(f"`frequency` = {frequency} Hz, `nt` = {nt} and `dt` = {dt} s must be positive.")
    middle = int(2.2 / frequency / dt / 2)
    b = (np.pi * frequency * dt * (middle - np.arange(2 * middle + 1))) ** 2
    pulse = (1 - 2 * b) * np.exp(-b)
    return np.pad(pulse, (0, max(0, nt - len(pulse))))[:nt]


def lines(shape: tuple[int, int] = SHAPE, sources: np.ndarray | None = None, receivers: np.ndarray | None = None) -> Lines:
    """OpenFWI's lines in the second row of a map: five shots from edge to edge, and a receiver at every node.

    Args:
        shape: Nodes along z and x.
        sources: Other shots, `(shot, 2)`: row and column.
        receivers: Other receivers, `(receiver, 2)`.

    Returns:
        The lines.

    Raises:
        ValueError: If one is not made of nodes of the map.
    """
    across = np.round(np.linspace(0, shape[1] - 1, SHOTS)).astype(int)
    chosen = {
        "sources": np.stack([np.full(SHOTS, ROW), across], -1) if sources is None else np.asarray(sources),
        "receivers": np.stack([np.full(shape[1], ROW), np.arange(shape[1])], -1) if receivers is None else np.asarray(receivers),
    }
    for name, nodes in chosen.items():
        if nodes.ndim != 2 or nodes.shape[1] != 2 or len(nodes) == 0 or nodes.dtype.kind not in "iu":
            raise ValueError(f"`{name}` {nodes.shape} of {nodes.dtype} must be whole numbers (point, 2): row and column.")
        outside = ((nodes < 0) | (nodes >= np.array(shape))).any(1)
        if outside.any():
            row, column = nodes[np.argmax(outside)]
            raise ValueError(f"`{name}` hold the node ({row}, {column}), outside the map of {shape[0]} x {shape[1]} nodes.")
    return Lines(**chosen)


def around(values: Samples, cells: int = CELLS) -> Array:
    """A map continued by its edge values."""
    return jnp.pad(values, cells, mode="edge")


def damping(slowest: Array, shape: tuple[int, int], spacing: float) -> Array:
    r"""How strongly the wave is damped around a map of so many nodes.

        d = kappa (i dx / a)^2,    kappa = 3 slowest ln(1e7) / (2 a),    a = 119 dx,

    at the i-th node outwards; not summed in corners, where the sides count.

    Args:
        slowest: The speed that sets it [m/s].
        shape: Nodes of the map.
        spacing: dx [m].

    Returns:
        Damping [1/s] on the map and the nodes around it.
    """
    thickness = (CELLS - 1) * spacing
    kappa = 3 * slowest * float(np.log(1e7)) / (2 * thickness)
    outward = (np.arange(CELLS) * spacing / thickness) ** 2
    z, x = (np.concatenate([outward[::-1], np.zeros(n), outward]) for n in shape)
    inner = np.pad(np.ones(shape[1]), CELLS)
    return kappa * jnp.asarray(x[None, :] + z[:, None] * inner[None, :], slowest.dtype)
