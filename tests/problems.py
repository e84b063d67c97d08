"""Experiments that several files of tests share; each is built when it is first asked for, once a process."""

import functools
from typing import NamedTuple

import jax
import numpy as np

import adseis as ads


class Inverse(NamedTuple):
    """A true model and a first guess on a grid, how shots are simulated, and what the true model records."""

    grid: ads.Grid
    true: np.ndarray
    initial: np.ndarray
    survey: ads.Survey
    simulate: object
    observed: jax.Array


@functools.cache
def slow_disc() -> Inverse:
    """A slow disc between a line of shots above and receivers below: waves cross it."""
    grid = ads.Grid(shape=(24, 36), spacing=20.0, dt=2.5e-3, nt=180)
    z, x = np.meshgrid(grid.coordinates(0), grid.coordinates(1), indexing="ij")
    true = 2500.0 - 250.0 * np.exp(-((z - 240) ** 2 + (x - 360) ** 2) / 2 / 60**2)
    position = np.stack([np.full(4, 20.0), 20.0 * np.array([6, 14, 22, 30])], -1)[:, None]
    receivers = np.stack([np.full(36, 440.0), grid.coordinates(1)], -1)
    wavelet = np.asarray(ads.wavelets.ricker(8.0, grid.nt, grid.dt))[None, None]
    survey = ads.Survey(ads.Explosion(position, wavelet), receivers)

    def simulate(vp, survey=survey):
        return ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, boundary=ads.Rigid())

    return Inverse(grid, true, np.full(grid.shape, 2500.0), survey, simulate, simulate(true))


def rmse(model, true) -> float:
    """Root mean square of the difference of two models."""
    return float(np.sqrt(np.mean((np.asarray(model) - np.asarray(true)) ** 2)))


def solid(shape, vp, vs, density) -> ads.ElasticMedium:
    """An elastic medium of numbers, or of arrays that spread over the grid."""
    return ads.ElasticMedium(*(np.broadcast_to(value, shape) for value in (vp, vs, density)))
