"""Elastic moduli and other parameters from wave speeds and back, and their means between nodes. All differentiable, elementwise.

mu = rho vs^2,    lambda = rho (vp^2 - 2 vs^2),    bulk modulus = lambda + 2 mu / 3,    buoyancy = 1 / rho.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from adseis.experiment.checks import Samples
from adseis.experiment.medium import ElasticMedium


class LameParameters(NamedTuple):
    """Lame's parameters and the buoyancy: what is linear in the elastic equations.

    Attributes:
        lam: lambda [Pa].
        mu: Shear modulus [Pa].
        buoyancy: 1 / rho [m^3/kg].
    """

    lam: Float[Array, "*grid"]
    mu: Float[Array, "*grid"]
    buoyancy: Float[Array, "*grid"]


def moduli(medium: ElasticMedium) -> LameParameters:
    """Lame's parameters and buoyancy of a medium.

    Args:
        medium: Speeds [m/s] and density [kg/m^3].

    Returns:
        lambda = rho (vp^2 - 2 vs^2) and mu = rho vs^2 [Pa], 1 / rho [m^3/kg].
    """
    vp, vs, rho = (jnp.asarray(x) for x in (medium.vp, medium.vs, medium.rho))
    return LameParameters(rho * (vp**2 - 2 * vs**2), rho * vs**2, 1 / rho)


def from_moduli(lam: Any, mu: Any, buoyancy: Any) -> ElasticMedium:
    """The medium of given moduli: vp = sqrt((lambda + 2 mu) / rho), vs = sqrt(mu / rho).

    Args:
        lam: lambda [Pa].
        mu: Shear modulus [Pa]; where it is 0, the derivative of vs is taken as 0.
        buoyancy: 1 / rho [m^3/kg].

    Returns:
        The medium.
    """
    lam, mu, buoyancy = (jnp.asarray(x) for x in (lam, mu, buoyancy))
    solid = mu > 0
    vs = jnp.where(solid, jnp.sqrt(jnp.where(solid, mu, 1) * buoyancy), 0)
    return ElasticMedium(jnp.sqrt((lam + 2 * mu) * buoyancy), vs, 1 / buoyancy)


def impedances(medium: ElasticMedium) -> tuple[Array, Array]:
    """P and S impedance.

    Args:
        medium: Speeds [m/s] and density [kg/m^3].

    Returns:
        rho vp and rho vs [kg/(m^2 s)].
    """
    vp, vs, rho = (jnp.asarray(x) for x in (medium.vp, medium.vs, medium.rho))
    return rho * vp, rho * vs


def from_impedances(p: Any, s: Any, rho: Any) -> ElasticMedium:
    """The medium of given impedances.

    Args:
        p: rho vp [kg/(m^2 s)].
        s: rho vs [kg/(m^2 s)].
        rho: Density [kg/m^3].

    Returns:
        The medium.
    """
    p, s, rho = (jnp.asarray(x) for x in (p, s, rho))
    return ElasticMedium(p / rho, s / rho, rho)


def poisson_ratio(medium: ElasticMedium) -> Array:
    """Poisson's ratio (vp^2 - 2 vs^2) / (2 (vp^2 - vs^2)): 1/2 in a fluid, 1/4 where lambda = mu.

    Args:
        medium: Speeds [m/s].

    Returns:
        The ratio, on the nodes.
    """
    vp, vs = jnp.asarray(medium.vp), jnp.asarray(medium.vs)
    return (vp**2 - 2 * vs**2) / (2 * (vp**2 - vs**2))


def bulk_modulus(medium: ElasticMedium) -> Array:
    """Bulk modulus rho (vp^2 - 4/3 vs^2).

    Args:
        medium: Speeds [m/s] and density [kg/m^3].

    Returns:
        The modulus [Pa], on the nodes.
    """
    vp, vs, rho = (jnp.asarray(x) for x in (medium.vp, medium.vs, medium.rho))
    return rho * (vp**2 - 4 / 3 * vs**2)


def arithmetic_mean(x: Array, axis: int) -> Array:
    """Of neighbours: values half a cell beyond the nodes along an axis (at the edge, those of the edge).

    Args:
        x: On the nodes.
        axis: Which axis.

    Returns:
        The mean, of the same shape.
    """
    return (x + _beyond(x, axis)) / 2


def harmonic_mean(x: Array, *axes: int) -> Array:
    """Of the nodes around points half a cell beyond them along axes; 0 where one of them is 0 (a fluid).

    Args:
        x: On the nodes, not negative.
        axes: Along which axes the points lie off the nodes.

    Returns:
        The mean, of the same shape.
    """
    around = [x]
    for axis in axes:
        around += [_beyond(y, axis) for y in around]
    stacked = jnp.stack(around)
    solid = jnp.all(stacked > 0, axis=0)
    return jnp.where(solid, len(around) / jnp.sum(1 / jnp.where(solid[None], stacked, 1), axis=0), 0)


def _beyond(x: Array, axis: int) -> Array:
    """The next node's value along an axis; at the edge its own."""
    return jnp.concatenate(
        [lax.slice_in_dim(x, 1, None, axis=axis), lax.slice_in_dim(x, x.shape[axis] - 1, None, axis=axis)], axis
    )


def gardner_density(vp: Float[Samples, "*grid"]) -> Float[Samples, "*grid"]:
    """Density of a sedimentary rock by Gardner's relation, rho = 310 vp^(1/4).

    Args:
        vp: P-wave speed [m/s], a NumPy or JAX array of any shape.

    Returns:
        Density [kg/m^3], in the type and precision of `vp`. The relation was found between 1500 and 6000 m/s, of rocks: for water
        it gives 1930 kg/m^3.

    References:
        Gardner, G. H. F., Gardner, L. W. & Gregory, A. R. (1974), Geophysics 39, 770-780, doi:10.1190/1.1440465
    """
    return 310 * vp**0.25


def poisson_shear(vp: Float[Samples, "*grid"], water: float = 1520.0) -> Float[Samples, "*grid"]:
    """S-wave speed of a Poisson solid (lambda = mu, Poisson's ratio 1/4), vs = vp / sqrt(3), and 0 in water.

    Args:
        vp: P-wave speed [m/s], a NumPy or JAX array of any shape.
        water: Speed up to which the medium is water [m/s]; 0 where there is none.

    Returns:
        S-wave speed [m/s], in the type and precision of `vp`.
    """
    return (vp > water).astype(vp.dtype) * vp / 3**0.5
