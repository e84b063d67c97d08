"""Balls and globes: structure in spherical harmonics, and waves by azimuthal Fourier series on spectral elements."""

from adseis.sphere.azimuthal import coefficients
from adseis.sphere.draws import draw_structures, latin_hypercube, least_bulk_margin, redraw_structure
from adseis.sphere.medium import FluidMedium, SolidMedium
from adseis.sphere.mesh import BallMesh, energy_by_order
from adseis.sphere.planning import ball
from adseis.sphere.sources import ForceSource, MomentTensorSource, PressureSource, Stations
from adseis.sphere.structure import Positions, checkerboard, extremes, perturbation

__all__ = [
    "BallMesh",
    "FluidMedium",
    "ForceSource",
    "MomentTensorSource",
    "Positions",
    "PressureSource",
    "SolidMedium",
    "Stations",
    "ball",
    "checkerboard",
    "coefficients",
    "draw_structures",
    "energy_by_order",
    "extremes",
    "latin_hypercube",
    "least_bulk_margin",
    "perturbation",
    "redraw_structure",
]
