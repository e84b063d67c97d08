"""Earth parameters sampled on the nodes of a grid. Every field is differentiable."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

Samples = Array | np.ndarray


def as_samples(values: Any) -> Samples:
    """Leave JAX arrays as they are; make anything else a NumPy array, whose values stay known while tracing.

    Args:
        values: Numbers of any shape and unit.

    Returns:
        The same numbers, floating-point (JAX arrays keep their type).
    """
    if isinstance(values, jax.Array):
        return values
    array = np.asarray(values)
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(float)


def letters(axes: int) -> str:
    """Names of the axes of a grid.

    Args:
        axes: 2 or 3.

    Returns:
        "zx" or "zyx".
    """
    return "zx" if axes == 2 else "zyx"


class Medium(eqx.Module):
    """Base of the media: something with a P-wave speed on the nodes of a grid.

    Attributes:
        vp: P-wave speed [m/s].
    """

    vp: eqx.AbstractVar[Samples]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the grid."""
        return self.vp.shape

    @property
    def slowest(self) -> float:
        """Slowest wave speed [m/s]; the values must be known, not traced."""
        return float(np.min(np.asarray(self.vp)))

    @property
    def fastest(self) -> float:
        """Fastest wave speed [m/s]; the values must be known, not traced."""
        return float(np.max(np.asarray(self.vp)))


class ScalarMedium(Medium):
    """A medium with one wave speed.

    Attributes:
        vp: Wave speed [m/s] on the grid nodes.
    """

    vp: Float[Samples, "*grid"] = eqx.field(converter=as_samples)


class AcousticMedium(Medium):
    """A fluid sampled on the grid nodes.

    Attributes:
        vp: P-wave speed [m/s].
        rho: Density [kg/m^3].

    Raises:
        ValueError: If the two are not sampled alike.
    """

    vp: Float[Samples, "*grid"] = eqx.field(converter=as_samples)
    rho: Float[Samples, "*grid"] = eqx.field(converter=as_samples)

    def __check_init__(self) -> None:
        if self.vp.shape != self.rho.shape:
            raise ValueError(f"`vp` {self.vp.shape} and `rho` {self.rho.shape} must share one grid.")


class ElasticMedium(Medium):
    """An isotropic elastic solid or fluid (vs = 0) sampled on the grid nodes.

    Attributes:
        vp: P-wave speed [m/s].
        vs: S-wave speed [m/s], 0 in fluids, at most sqrt(3)/2 vp.
        rho: Density [kg/m^3].

    Raises:
        ValueError: If the three are not sampled alike.
    """

    vp: Float[Samples, "*grid"] = eqx.field(converter=as_samples)
    vs: Float[Samples, "*grid"] = eqx.field(converter=as_samples)
    rho: Float[Samples, "*grid"] = eqx.field(converter=as_samples)

    def __check_init__(self) -> None:
        if not self.vp.shape == self.vs.shape == self.rho.shape:
            raise ValueError(f"`vp` {self.vp.shape}, `vs` {self.vs.shape} and `rho` {self.rho.shape} must share one grid.")

    @property
    def slowest(self) -> float:
        """Slowest wave speed [m/s]: of S waves, in fluids of P waves; the values must be known, not traced."""
        vp, vs = np.asarray(self.vp), np.asarray(self.vs)
        return float(np.min(np.where(vs > 0, vs, vp)))
