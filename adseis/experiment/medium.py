"""Earth parameters sampled on the nodes of a grid. Every field is differentiable. A medium judges its own values."""

import dataclasses
from typing import TypeVar

import equinox as eqx
import jax
from jax.sharding import Mesh
from jaxtyping import Float

from adseis.experiment import checks
from adseis.experiment.checks import Samples, as_samples, module_of

_Medium = TypeVar("_Medium", bound="Medium")


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
        with jax.ensure_compile_time_eval():
            return float(self.vp.min())

    @property
    def fastest(self) -> float:
        """Fastest wave speed [m/s]; the values must be known, not traced."""
        with jax.ensure_compile_time_eval():
            return float(self.vp.max())

    def checked(self: _Medium, devices: Mesh | None = None) -> _Medium:
        """The medium with every value checked: by default all parameters must be finite and positive.

        Args:
            devices: Those that it is used on; None for one.

        Returns:
            The medium; where values are traced, with runtime checks attached.

        Raises:
            ValueFault: If a value is out of range (a `RuntimeError` at run time where they are traced).
        """
        names = [field.name for field in dataclasses.fields(self)]
        values = {name: checks.positive(getattr(self, name), f"medium.{name}", devices) for name in names}
        return dataclasses.replace(self, **values)


class ScalarMedium(Medium):
    """A medium with one wave speed.

    Attributes:
        vp: Wave speed [m/s] on the grid nodes.

    Example:
        >>> grid = ads.Grid(shape=(11, 21), spacing=10.0, dt=1e-3, nt=500)
        >>> vp = 1500.0 + 2.0 * np.broadcast_to(grid.coordinates(0)[:, None], grid.shape)  # faster with depth
        >>> ads.ScalarMedium(vp).fastest
        1700.0
    """

    vp: Float[Samples, "*grid"] = eqx.field(converter=as_samples)


class AcousticMedium(Medium):
    """A fluid sampled on the grid nodes.

    Attributes:
        vp: P-wave speed [m/s].
        rho: Density [kg/m^3].

    Raises:
        ValueError: If the two are not sampled alike.

    Example:
        >>> grid = ads.Grid(shape=(11, 21), spacing=10.0, dt=1e-3, nt=500)
        >>> medium = ads.AcousticMedium(vp=np.full(grid.shape, 1500.0), rho=np.full(grid.shape, 1000.0))
        >>> medium.shape
        (11, 21)
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

    Example:
        >>> grid = ads.Grid(shape=(11, 21), spacing=10.0, dt=1e-3, nt=500)
        >>> wet = np.broadcast_to(np.arange(11)[:, None] < 4, grid.shape)  # four rows of water over rock
        >>> medium = ads.ElasticMedium(np.where(wet, 1500.0, 2500.0), np.where(wet, 0.0, 1200.0), np.where(wet, 1000.0, 2100.0))
        >>> medium.slowest
        1200.0
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
        module = module_of(self.vp, self.vs)
        with jax.ensure_compile_time_eval():
            return float(module.where(self.vs > 0, self.vs, self.vp).min())

    def checked(self, devices: Mesh | None = None) -> "ElasticMedium":
        """As of any medium; vs may be zero, and at most sqrt(3)/2 vp."""
        vp = checks.positive(self.vp, "medium.vp", devices)
        vs = checks.shear(self.vs, vp, devices)
        return ElasticMedium(vp, vs, checks.positive(self.rho, "medium.rho", devices))
