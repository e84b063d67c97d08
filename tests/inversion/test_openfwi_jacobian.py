"""The Jacobian from reciprocal fields: what differences of the operator say, also at edges, whose speed fills what is around."""

import jax
import numpy as np
import pytest

from adseis.data import openfwi
from adseis.inversion.openfwi_jacobian import Jacobian

SHAPE = (9, 10)
WAVELET = openfwi.wavelet(25.0, 100)
SLOWEST = 1900.0
WHERE = {
    "inside": np.s_[3:6, 3:7],
    "top": np.s_[0, 2:6],
    "beside a shot": np.s_[1, 2],
    "side": np.s_[3:7, -1],
    "bottom": np.s_[-1],
    "slowest": None,
}


@pytest.fixture(scope="module")
def linearised():
    """A smooth map, the Jacobian about it, and the band of gathers of any other."""
    z, x = np.meshgrid(np.linspace(0, 1, SHAPE[0]), np.linspace(0, 1, SHAPE[1]), indexing="ij")
    vp = 2000 + 800 * z + 200 * np.sin(5 * x)
    jacobian = Jacobian(SHAPE, openfwi.lines(SHAPE), WAVELET, 10.0, 1e-3)
    band = jax.jit(lambda m, v: jacobian.within(openfwi.simulate(m, slowest=v, time_function=WAVELET)))
    return vp, list(jacobian.rows(vp, SLOWEST)), band


@pytest.mark.optimised
@pytest.mark.parametrize("part", WHERE)
def test_against_differences(linearised, part):
    """J d beside a central difference: within 1 % (0.4 % when measured), for far nodes around the map are thinned."""
    vp, rows, band = linearised
    direction, faster = np.zeros(SHAPE), 0.01 * float(part == "slowest")
    if WHERE[part] is not None:
        direction[WHERE[part]] = 0.01 * (np.random.default_rng(1).random(direction[WHERE[part]].shape) + 0.5)
    more, less = (np.asarray(band(vp + sign * direction, SLOWEST + sign * faster)) for sign in (1, -1))
    answer = (more - less) / 2
    parts = [of_map @ direction.reshape(-1) + of_slowest * faster for of_map, of_slowest in rows]
    found = np.concatenate([part.reshape(5, -1, answer.shape[1]) for part in parts], 1).transpose(0, 2, 1)
    assert np.linalg.norm(found - answer) < 1e-2 * np.linalg.norm(answer)


@pytest.mark.parametrize("unknowns", [None, 5])
def test_the_normal_matrix(monkeypatch, unknowns):
    """The product of the Jacobian with itself, by nodes or by the weights of a basis, over all that comes in parts."""
    rng = np.random.default_rng(0)
    rows = [(rng.standard_normal((30, 90)).astype("float32"), rng.standard_normal(30).astype("float32")) for _ in range(3)]
    jacobian = Jacobian(SHAPE, openfwi.lines(SHAPE), WAVELET, 10.0, 1e-3)
    monkeypatch.setattr(jacobian, "rows", lambda vp, slowest: iter(rows))
    basis = None if unknowns is None else rng.standard_normal((90, unknowns))
    whole = np.concatenate([np.column_stack([a if basis is None else a @ basis, b]) for a, b in rows])
    found = jacobian.normal_matrix(np.full(SHAPE, 2000.0), SLOWEST, basis)
    np.testing.assert_allclose(found, whole.T @ whole, rtol=1e-3, atol=1e-4)


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
