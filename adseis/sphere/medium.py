"""What a ball is made of: numbers, radial profiles, 3D fields, or functions of place."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from adseis.experiment.checks import Samples, as_samples
from adseis.sphere.structure import Positions

Values = float | Samples | Callable[[Any, Any, Any], Any]
"""A number, values at the nodes `(node,)`, values at every node and azimuth of a source's frame `(node, azimuth)`, or a function
of radius [m], latitude and longitude [degrees], which is evaluated in the frame of each source."""


class FluidMedium(eqx.Module):
    """A fluid ball. Every field is differentiable, functions by the arrays that they close over.

    Attributes:
        vp: Speed [m/s]: a number, `(node,)`, `(node, azimuth)`, or a function of (radius, latitude, longitude).
        rho: Density [kg/m^3], likewise. One that does not vary with azimuth is cheaper.
    """

    vp: Any
    rho: Any


class SolidMedium(eqx.Module):
    """An isotropic solid ball. Every field is differentiable, functions by the arrays that they close over.

    Attributes:
        vp: P-wave speed [m/s]: a number, `(node,)`, `(node, azimuth)`, or a function of (radius, latitude, longitude).
        vs: S-wave speed [m/s], likewise.
        rho: Density [kg/m^3], likewise.
    """

    vp: Any
    vs: Any
    rho: Any


def sampled(values: Values, name: str, places: Callable[[], Positions], shape: tuple[int, int]) -> Samples:
    """A field as an array.

    Args:
        values: As a medium holds it.
        name: Of the field.
        places: Finds the places of every node and azimuth; called where they are asked for.
        shape: Nodes and azimuths.

    Returns:
        `()`, `(node,)` or `(node, azimuth)`.

    Raises:
        ValueError: If its shape is another.
    """
    if callable(values):
        at = places()
        values = values(at.radius, at.latitude, at.longitude)
    found = as_samples(values)
    if found.shape not in ((), shape[:1], shape):
        raise ValueError(
            f"`medium.{name}` {found.shape} must be a number, `(node,)` = {shape[:1]} or `(node, azimuth)` = {shape}, as "
            "`mesh.points(source)` has them; or give a function of radius, latitude and longitude."
        )
    return found


def on_all(values: Samples, shape: tuple[int, ...], dtype: Any) -> Array:
    """A field at every node and azimuth, or at every node."""
    found = jnp.asarray(values, dtype)
    found = found[:, None] if found.ndim == 1 and len(shape) == 2 else found
    return jnp.broadcast_to(found, shape)


def axisymmetric(values: Samples) -> bool:
    """Whether a field does not vary with azimuth."""
    return np.ndim(values) < 2
