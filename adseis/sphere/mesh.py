"""The mesh of a ball, static: elements, azimuthal orders, time step; and how it is planned."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from adseis.experiment.clock import Clock
from adseis.sphere.azimuthal import azimuths, seen
from adseis.sphere.ball_elements import ball_elements
from adseis.sphere.elements import Elements
from adseis.sphere.frames import Cylindrical, on_globe
from adseis.sphere.sources import BallSource
from adseis.sphere.structure import Positions

SURFACE = 1e-6
"""Of the radius: what is as near to the surface lies on it."""

STEP = (2.5e-7, 2e-6)
"""Seconds for each element of degree 4, component and step of a fluid and of a solid on two cores (`benchmarks/globe.py`): an
order of magnitude."""


class BallMesh(Clock):
    """A ball cut into elements, and its azimuthal orders: static, hashable; made by `ball`.

    Attributes:
        dt: Time step [s].
        nt: Number of samples.
        radius: Of the ball [m].
        across: Elements of the square from the axis to its side.
        shells: Elements from the square to the surface.
        degree: Polynomial degree of an element.
        azimuthal_order: The largest order of the Fourier series.
        frequency: The highest frequency that is meant to be carried [Hz].
        speeds: The slowest and the fastest speed that it was planned for [m/s].
    """

    radius: float = eqx.field(static=True)
    across: int = eqx.field(static=True)
    shells: int = eqx.field(static=True)
    degree: int = eqx.field(static=True)
    azimuthal_order: int = eqx.field(static=True)
    frequency: float = eqx.field(static=True)
    speeds: tuple[float, float] = eqx.field(static=True)

    def __str__(self) -> str:
        nodes, components = self.shape
        field = nodes * components * 4 / 1e6  # of one number at every node and azimuth, in float32
        shortest = self.speeds[0] / self.frequency
        told = [
            f"ball of {self.radius:g} m for {self.frequency:g} Hz at {self.speeds[0]:g} to {self.speeds[1]:g} m/s",
            f"{len(self.elements.points)} elements of degree {self.degree}, {nodes} nodes",
            f"azimuthal order {self.azimuthal_order}",
            f"shortest wavelength {shortest:.3g} m, largest element {self.largest:.3g} m",
            f"{self.nt} steps of {self.dt:.3g} s",
        ]
        for name, parts, step in (("fluid", 1, STEP[0]), ("solid", 3, STEP[1])):
            seconds = step * len(self.elements.points) * components * self.nt
            held = (6 * math.sqrt(self.nt) + 20) * parts * field
            told.append(f"{name}: some {seconds:.2g} s on two cores, {4 * seconds:.2g} s and {held:.0f} MB a gradient (float32)")
        return "\n".join(told)

    @property
    def elements(self) -> Elements:
        """The elements, made once."""
        return ball_elements(self.radius, self.across, self.shells, self.degree)

    @property
    def largest(self) -> float:
        """Length of the largest element [m]."""
        return math.pi * self.radius / 4 / self.across

    @property
    def azimuths(self) -> Float[np.ndarray, " azimuth"]:
        """Azimuths at which a 3D field is given, in a source's frame [rad], `(2 azimuthal_order + 1,)`."""
        return azimuths(self.azimuthal_order)

    @property
    def shape(self) -> tuple[int, int]:
        """Nodes and azimuths of a 3D field."""
        return len(self.elements.coordinates), 2 * self.azimuthal_order + 1

    @property
    def wavenumber(self) -> float:
        """The largest that is meant to be carried [rad/m]."""
        return 2 * math.pi * self.frequency / self.speeds[0]

    @property
    def surface(self) -> Bool[np.ndarray, " node"]:
        """Which nodes lie on the surface."""
        return self.elements.radius > (1 - SURFACE) * self.radius

    @property
    def kept(self) -> Bool[np.ndarray, "node component"]:
        """Which orders are kept at every node; on the axis one may keep less."""
        return seen(self.elements.coordinates[:, 0], self.azimuthal_order, self.wavenumber)

    def points(self, source: BallSource) -> Positions:
        """Where a 3D field is given: the nodes at every azimuth of a source's frame, as places of the globe.

        Args:
            source: Its latitude and longitude say where the frame's pole is; differentiable by these.

        Returns:
            Radius [m], latitude and longitude [degrees], each `(node, azimuth)`.
        """
        frame = source.frame
        s, z = (jnp.asarray(x, frame.dtype)[:, None] for x in self.elements.coordinates.T)
        return Positions(*on_globe(frame, Cylindrical(s, z, jnp.asarray(self.azimuths, frame.dtype)[None])))


def energy_by_order(field: Float[Array, "*at component"], mesh: BallMesh) -> Float[Array, " order"]:
    """How a field's mean square over the ball is divided among azimuthal orders: the last ones tell whether there are enough.

    Args:
        field: Components as a probe sees them, `(..., node, component)`, or `(..., node, 3, component)` of a vector; over all
            other axes, such as instants, it is summed.
        mesh: Of the simulation; nodes count by their volume, whatever the density.

    Returns:
        Shares of orders 0, 1, ..., whose sum is 1; zeros of a field at rest.

    Raises:
        ValueError: If the field is not one of the mesh.
    """
    nodes, components = mesh.shape
    vector = field.ndim > 2 and field.shape[-3:] == (nodes, 3, components)
    if not vector and field.shape[-2:] != (nodes, components):
        raise ValueError(
            f"`field` {field.shape} must end with (node, component) = {mesh.shape} or (node, 3, component), as a probe sees it."
        )
    volume = jnp.asarray(mesh.elements.mass, field.dtype).reshape(-1, *[1] * (1 + vector))
    weighed = jnp.reshape(field, (-1, *field.shape[-2 - vector :])) ** 2 * volume[None]
    square = jnp.sum(weighed, axis=tuple(range(weighed.ndim - 1)))
    by_order = jnp.concatenate([square[:1], square[1:].reshape(-1, 2).sum(1)])
    total = jnp.sum(by_order)
    return jnp.where(total > 0, by_order / jnp.where(total > 0, total, 1.0), 0.0)
