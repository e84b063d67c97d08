"""Spheres: the structure of a ball and of the Earth on spherical harmonics, at any positions."""

from adseis.sphere.structure import Positions, checkerboard, extremes, perturbation

__all__ = ["Positions", "checkerboard", "extremes", "perturbation"]
