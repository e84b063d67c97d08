"""A sample of GlobalTomo, and several."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Float, Int


class Sample(NamedTuple):
    """A structure and its waves; float32. What is not there, or was not asked for, is None.

    Attributes:
        harmonics: Perturbations, `(405,)`: `.reshape(81, 5)` is harmonic (l = 0..8, m = -l..l), level.
        seismogram: Displacement at the stations [m], `(37, 37, 3, 150)`: latitude, longitude, component, time.
        slices: Wavefield on 16 meridians, `(15, 16, element)`: snapshot, slice, element; displacements [m] with a last axis of 3.
        fourier: Its packed Fourier series in azimuth, `(15, element, 16)`; of displacements 48, which `by_component` takes apart.
        source: Numbers that tell the source, `(6,)` or `(9,)`.
        id: Number of the model in the whole data set.
    """

    harmonics: Float[np.ndarray, " coefficient"]
    seismogram: Float[np.ndarray, "latitude longitude 3 time"] | None
    slices: Float[np.ndarray, "snapshot slice element *component"] | None
    fourier: Float[np.ndarray, "snapshot element number"] | None
    source: Float[np.ndarray, " source"] | None
    id: int


class Batch(NamedTuple):
    """Several samples, stacked along a first axis; what is not there, or was not asked for, is None.

    Attributes:
        harmonics: As of `Sample`.
        seismogram: Likewise.
        slices: Likewise.
        fourier: Likewise.
        source: Likewise.
        ids: Of each.
    """

    harmonics: Float[np.ndarray, "sample coefficient"] | None
    seismogram: Float[np.ndarray, "sample latitude longitude 3 time"] | None
    slices: Float[np.ndarray, "sample snapshot slice element *component"] | None
    fourier: Float[np.ndarray, "sample snapshot element number"] | None
    source: Float[np.ndarray, "sample source"] | None
    ids: Int[np.ndarray, " sample"]


class Simulated(NamedTuple):
    """What a solver hands to the writers: arrays of NumPy or JAX.

    Attributes:
        seismogram: As of `Sample`.
        slices: Likewise.
        fourier: Complex coefficients from order 0 on, `(15, element, order)`, of displacements `(15, element, 3, order)`; or
            packed ones, as of `Sample`.
        source: As of `Sample`.
    """

    seismogram: Array | np.ndarray | None = None
    slices: Array | np.ndarray | None = None
    fourier: Array | np.ndarray | None = None
    source: Array | np.ndarray | None = None
