"""The wave equations as functions of the P-wave speed alone."""

from typing import Any

import jax
import jax.numpy as jnp

import adseis as ads

EQUATIONS = {"scalar": ads.simulate_scalar, "acoustic": ads.simulate_acoustic, "elastic": ads.simulate_elastic}
ARRAYS = {"scalar": 4, "acoustic": 9, "elastic": 15}  # each field twice, each coefficient once, per node and step in 2D


def medium(equation: str, vp: jax.Array) -> Any:
    """A medium of one density; solids are Poisson's."""
    if equation == "scalar":
        return ads.ScalarMedium(vp)
    rho = jnp.full_like(vp, 2000.0)
    return ads.AcousticMedium(vp, rho) if equation == "acoustic" else ads.ElasticMedium(vp, vp / 3**0.5, rho)


def simulate(equation: str, vp: jax.Array, survey: ads.Survey, grid: ads.Grid, **options: Any) -> jax.Array:
    """Gathers of u, p or vz."""
    record = {"record": "vz"} if equation == "elastic" else {}
    return EQUATIONS[equation](medium(equation, vp), survey, grid, **record, **options)
