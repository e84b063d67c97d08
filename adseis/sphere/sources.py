"""Sources in a ball and stations on it or within: exactly where they are put, and differentiable.

Latitudes are geocentric. A source's tensor and force are in its own frame, (r, theta, phi): up, south, east.
"""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adseis.experiment.checks import Samples, ValueFault, as_samples, finite, known
from adseis.sphere.frames import local_axes

LARGEST = {"latitude": 90.0, "longitude": 360.0}
"""Degrees that a place may have, to either side."""


class BallSource(eqx.Module):
    """A point in a ball and what it does there. `PressureSource`, `MomentTensorSource` and `ForceSource` are to be used.

    Attributes:
        radius: Distance from the centre [m].
        latitude: [degrees].
        longitude: [degrees].
        time_function: At the instants of the mesh, `(time,)`.
        rate: Whether the time function is the rate of what acts.
    """

    rate: ClassVar[bool] = False
    radius: Float[Samples, ""] = eqx.field(converter=as_samples)
    latitude: Float[Samples, ""] = eqx.field(converter=as_samples)
    longitude: Float[Samples, ""] = eqx.field(converter=as_samples)
    time_function: Float[Samples, " time"] = eqx.field(converter=as_samples)

    def __check_init__(self) -> None:
        for name in ("radius", "latitude", "longitude"):
            value = getattr(self, name)
            if value.shape != ():
                raise ValueError(f"`{name}` {value.shape} must be a number: one source; several are a list of sources.")
        for name, largest in LARGEST.items():
            now = known(getattr(self, name))
            if now is not None and abs(float(now)) > largest:
                raise ValueFault(
                    f"`{name}` of the source is {float(now):g} degrees; it must lie within -{largest:g} and {largest:g}."
                )
        if self.time_function.ndim != 1:
            raise ValueError(f"`time_function` {self.time_function.shape} must be (time,).")

    @property
    def frame(self) -> Float[Array, "3 3"]:
        """South, east and up of the source: the axes of its frame."""
        return local_axes(jnp.asarray(self.latitude), jnp.asarray(self.longitude))


class PressureSource(BallSource):
    r"""A source of chi in a fluid ball: chi_tt / kappa - div(grad chi / rho) = s(t) delta(x - xs).

    s is minus the injected volume [m^3]: in an unbounded fluid p = -rho s''(t - R / c) / (4 pi R).

    Attributes:
        radius: Distance from the centre [m], within the ball and not 0.
        latitude: Geocentric [degrees].
        longitude: [degrees].
        time_function: s at `mesh.times` [m^3], `(time,)`; it begins at zero.
    """


class MomentTensorSource(BallSource):
    r"""A moment tensor in a solid ball: rho u_tt = div sigma - M . grad delta(x - xs) m(t), m the integral of the rate r(t).

    Attributes:
        radius: Distance from the centre [m], within the ball and not 0.
        latitude: Geocentric [degrees].
        longitude: [degrees].
        time_function: The moment-rate function r at `mesh.times` [1/s], `(time,)`, of unit area for the full moment.
        moment: M in (r, theta, phi) [N m], `(3, 3)`, symmetric.
    """

    rate: ClassVar[bool] = True
    moment: Float[Samples, "3 3"] = eqx.field(converter=as_samples)

    def __check_init__(self) -> None:
        if self.moment.shape != (3, 3):
            raise ValueError(f"`moment` {self.moment.shape} must be (3, 3), in (r, theta, phi).")
        now = known(self.moment)
        if now is not None:
            now = np.asarray(now)
            if not np.isfinite(now).all() or np.abs(now - now.T).max() > 1e-6 * np.abs(now).max():
                raise ValueFault(f"`moment` {now.tolist()} must be finite and symmetric.")


class ForceSource(BallSource):
    r"""A force in a solid ball: rho u_tt = div sigma + f(t) F delta(x - xs).

    Attributes:
        radius: Distance from the centre [m], within the ball and not 0.
        latitude: Geocentric [degrees].
        longitude: [degrees].
        time_function: f at `mesh.times`, `(time,)`.
        force: F in (r, theta, phi): up, south, east [N], `(3,)`.
    """

    force: Float[Samples, " 3"] = eqx.field(converter=as_samples)

    def __check_init__(self) -> None:
        if self.force.shape != (3,):
            raise ValueError(f"`force` {self.force.shape} must be (3,), in (r, theta, phi).")


class Stations(eqx.Module):
    """Where is recorded; on the surface or below it.

    Attributes:
        latitude: Geocentric [degrees], `(station,)`.
        longitude: [degrees], `(station,)`.
        radius: Distance from the centre [m], `(station,)`.
        components: What records of vectors consist of, in this order: different letters of "ZNE" (up, north, east) or of "ZRT"
            (R away from the source along the great circle, T 90 degrees clockwise of R as seen from above). R and T of several
            sources differ. Above and below a source and its antipode R is the source's south.
    """

    latitude: Float[Samples, " station"] = eqx.field(converter=as_samples)
    longitude: Float[Samples, " station"] = eqx.field(converter=as_samples)
    radius: Float[Samples, " station"] = eqx.field(converter=as_samples)
    components: str = eqx.field(static=True, kw_only=True, default="ZNE")

    def __check_init__(self) -> None:
        shapes = self.latitude.shape, self.longitude.shape, self.radius.shape
        if len(set(shapes)) > 1 or len(shapes[0]) != 1 or shapes[0] == (0,):
            raise ValueError(
                f"`latitude`, `longitude` and `radius` of stations {shapes} must each be (station,), for at least one station."
            )
        letters = set(self.components)
        if not letters or len(letters) < len(self.components) or not (letters <= set("ZNE") or letters <= set("ZRT")):
            raise ValueError(f'`components` = {self.components!r} must be different letters of "ZNE" or of "ZRT".')
        for name, largest in LARGEST.items():
            now = known(finite(getattr(self, name), name, ("station",)))
            if now is not None and bool((abs(now) > largest).any()):
                where = int(np.argmax(abs(np.asarray(now)) > largest))
                raise ValueFault(
                    f"`{name}` of station {where} is {float(now[where])} degrees; it must lie within "
                    f"-{largest:g} and {largest:g}."
                )

    @property
    def axes(self) -> Float[Array, "station 3 3"]:
        """South, east and up of every station."""
        return local_axes(jnp.asarray(self.latitude), jnp.asarray(self.longitude))


def in_precision(thing: Any, dtype: Any) -> Any:
    """A source or stations with all numbers in one precision."""
    return jax.tree.map(lambda x: jnp.asarray(x, dtype), thing)
