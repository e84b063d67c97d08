"""The Jacobian from reciprocal fields: what AutoDiff says of the proxy, also at the edges, whose speed fills the layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.data import openfwi
from adseis.inversion.openfwi_jacobian import THINNING, Jacobian
from adseis.timeloop.adjoints import AutoDiff

SHAPE = (12, 16)
WAVELET = openfwi.wavelet(12.0, 250)
WHERE = {
    "inside": np.s_[4:8, 4:10],
    "top": np.s_[0, 3:9],
    "beside a shot": np.s_[1, 4],
    "side": np.s_[4:9, -1],
    "bottom": np.s_[-1],
}


@pytest.fixture(scope="module")
def linearised():
    """A smooth map, the normal matrix about it, and derivatives of the band along a direction."""
    z, x = np.meshgrid(np.linspace(0, 1, SHAPE[0]), np.linspace(0, 1, SHAPE[1]), indexing="ij")
    vp = 2000 + 800 * z + 200 * np.sin(5 * x)
    jacobian = Jacobian(SHAPE, openfwi.lines(SHAPE), WAVELET, 10.0, 1e-3)
    column = np.random.default_rng(0).standard_normal(jacobian.within(np.zeros((5, 250, 16))).shape)
    matrix = jacobian.normal_matrix(vp, column) * len(range(0, 16, THINNING)) / 16

    @jax.jit
    def along(direction):
        near = lambda m: jacobian.within(openfwi.proxy(m, time_function=WAVELET, adjoint=AutoDiff()))  # noqa: E731
        return jax.jvp(near, (jnp.asarray(vp),), (direction,))[1]

    return matrix, column, along


@pytest.mark.parametrize("part", WHERE)
def test_against_autodiff(linearised, part):
    """|J d|^2 and the product with the other column, at the receivers that are used: within 1 %."""
    matrix, column, along = linearised
    direction = np.zeros(SHAPE)
    direction[WHERE[part]] = np.random.default_rng(1).random(direction[WHERE[part]].shape) + 0.5
    answer = np.asarray(along(direction))[:, :, ::THINNING]
    flat = np.append(direction.reshape(-1), 0.0)
    assert flat @ matrix @ flat == pytest.approx(np.sum(answer**2), rel=1e-2)
    other = column[:, :, ::THINNING]
    assert flat @ matrix[:, -1] == pytest.approx(
        np.sum(answer * other), abs=1e-2 * np.linalg.norm(answer) * np.linalg.norm(other)
    )


def test_the_other_column(linearised):
    """Its own product, and symmetry."""
    matrix, column, _ = linearised
    assert matrix[-1, -1] == pytest.approx(np.sum(column[:, :, ::THINNING] ** 2), rel=1e-5)
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-4, atol=1e-6 * matrix.max())


def test_a_band_keeps_what_lies_below_its_corner():
    """A low-pass filter of zero phase, in samples that hold it."""
    jacobian = Jacobian(SHAPE, openfwi.lines(SHAPE), openfwi.wavelet(15.0, 600), 10.0, 1e-3, 12.0)
    time = 1e-3 * np.arange(600)
    gather = np.exp(-(((time - 0.3) / 0.08) ** 2)) * np.stack([np.cos(2 * np.pi * f * (time - 0.3)) for f in (3, 40)])
    low, high = jacobian.within(gather[:, :, None])[:, :, 0]
    step = 600 / len(low)
    np.testing.assert_allclose(low, gather[0, :: round(step)], atol=0.02)
    assert np.abs(high).max() < 1e-3
    assert step > 10
