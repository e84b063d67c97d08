"""Real spherical harmonics at any points, and functions on the sphere made of them: plain differentiable JAX.

    Y_lm = N_lm P_l|m|(sin latitude) times sqrt(2) cos(m longitude), 1 or sqrt(2) sin(|m| longitude) for m > 0, = 0, < 0

Orthonormal over the unit sphere, without the Condon-Shortley phase, l = 0..L and m = -l..l in a row: harmonic l^2 + l + m.
Recursions run on Cartesian coordinates of the unit sphere, where a harmonic is a polynomial: derivatives by latitude and
longitude are as right at the poles as elsewhere. Besides this convention, "orthonormal", there is that of GlobalTomo's files,
"globaltomo": (-1)^m times Y_lm for m >= 0 and minus Y_lm for m < 0, in plain longitude.
"""

from adseis.harmonics.basis import degree_of, degrees_orders, directions, evaluate, evaluate_at, harmonics, harmonics_at
from adseis.harmonics.grids import GaussGrid, analyse, gauss_grid, power, rotate
from adseis.harmonics.shtools import from_shtools, to_shtools

__all__ = [
    "GaussGrid",
    "analyse",
    "degree_of",
    "degrees_orders",
    "directions",
    "evaluate",
    "evaluate_at",
    "from_shtools",
    "gauss_grid",
    "harmonics",
    "harmonics_at",
    "power",
    "rotate",
    "to_shtools",
]
