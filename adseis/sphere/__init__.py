"""Spheres: the structure of a ball and of the Earth on spherical harmonics, at any positions."""

from adseis.sphere.draws import draw_structures, latin_hypercube, least_bulk_margin, redraw_structure
from adseis.sphere.structure import Positions, checkerboard, extremes, perturbation

__all__ = [
    "Positions",
    "checkerboard",
    "draw_structures",
    "extremes",
    "latin_hypercube",
    "least_bulk_margin",
    "perturbation",
    "redraw_structure",
]
