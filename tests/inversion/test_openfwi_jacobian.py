"""The Jacobian from reciprocal fields: what AutoDiff says of the operator, also at edges, whose speed fills what is around."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adseis.data import openfwi
from adseis.inversion.openfwi_jacobian import Jacobian
from adseis.timeloop.adjoints import AutoDiff

SHAPE = (12, 16)
WAVELET = openfwi.wavelet(20.0, 130)
SLOWEST = 1900.0
WHERE = {
    "inside": np.s_[4:8, 4:10],
    "top": np.s_[0, 3:9],
    "beside a shot": np.s_[1, 4],
    "side": np.s_[4:9, -1],
    "bottom": np.s_[-1],
    "slowest": None,
}


@pytest.fixture(scope="module")
def linearised():
    """A smooth map, the Jacobian about it, and derivatives of the band along a direction."""
    z, x = np.meshgrid(np.linspace(0, 1, SHAPE[0]), np.linspace(0, 1, SHAPE[1]), indexing="ij")
    vp = 2000 + 800 * z + 200 * np.sin(5 * x)
    jacobian = Jacobian(SHAPE, openfwi.lines(SHAPE), WAVELET, 10.0, 1e-3)

    @jax.jit
    def along(direction, faster):
        by = lambda m, v: openfwi.simulate(m, slowest=v, time_function=WAVELET, adjoint=AutoDiff())  # noqa: E731
        start = (jnp.asarray(vp), jnp.asarray(SLOWEST))
        return jax.jvp(lambda m, v: jacobian.within(by(m, v)), start, (direction, faster))[1]

    return jacobian, vp, list(jacobian.rows(vp, SLOWEST)), along


@pytest.mark.parametrize("part", WHERE)
def test_against_autodiff(linearised, part):
    """J d: within 1 % (0.4 % when measured), for far nodes around the map are thinned."""
    _, _, rows, along = linearised
    direction, faster = np.zeros(SHAPE), float(part == "slowest")
    if WHERE[part] is not None:
        direction[WHERE[part]] = np.random.default_rng(1).random(direction[WHERE[part]].shape) + 0.5
    answer = np.asarray(along(direction, faster))
    parts = [of_map @ direction.reshape(-1) + of_slowest * faster for of_map, of_slowest in rows]
    found = np.concatenate([part.reshape(5, -1, answer.shape[1]) for part in parts], 1).transpose(0, 2, 1)
    assert np.linalg.norm(found - answer) < 1e-2 * np.linalg.norm(answer)


def test_the_normal_matrix(linearised):
    """The product of the Jacobian with itself, by the weights of a basis."""
    jacobian, vp, rows, _ = linearised
    whole = np.concatenate([np.concatenate([a, b[:, None]], 1) for a, b in rows])
    expected = whole.T @ whole
    basis = np.random.default_rng(0).standard_normal((vp.size, 5))
    both = np.pad(basis, ((0, 1), (0, 1)))
    both[-1, -1] = 1
    found = jacobian.normal_matrix(vp, SLOWEST, basis)
    np.testing.assert_allclose(found, both.T @ expected @ both, rtol=1e-3, atol=1e-5 * found.max())


def test_a_band_keeps_what_lies_below_its_corner():
    """A low-pass filter of zero phase, in samples that hold it; the end of the record fades out."""
    jacobian = Jacobian(SHAPE, openfwi.lines(SHAPE), openfwi.wavelet(15.0, 900), 10.0, 1e-3, 12.0)
    time = 1e-3 * np.arange(900)
    gather = np.exp(-(((time - 0.3) / 0.08) ** 2)) * np.stack([np.cos(2 * np.pi * f * (time - 0.3)) for f in (2, 45)])
    low, high = jacobian.within(gather[:, :, None])[:, :, 0]
    step = round(900 / len(low))
    np.testing.assert_allclose(low, gather[0, ::step], atol=0.1)
    assert np.abs(high).max() < 1e-3
    assert step > 10
    end = jacobian.within(np.ones((1, 900, 1)))[0, -1, 0]
    assert abs(end) < 0.05
