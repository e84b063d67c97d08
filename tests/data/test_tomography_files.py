"""Models of the mantle in .sph files against the definition of the format, written once more with SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import taylor_slopes
from scipy.special import sph_harm_y

from adseis.data.tomography_files import KNOTS, TomographyModel, read_sph, write_sph
from adseis.harmonics import evaluate
from adseis.sphere import Positions

rng = np.random.default_rng(5)
DEGREE = 6
HEADER = "              6 1111111  24 000111111111111111111111"


def text_of(numbers, header=HEADER):
    """A file as Fortran writes it, 11e12.4; NumPy's own notation of the mantissa serves as well."""
    lines = [header]
    for of_spline in numbers:
        for ell in range(DEGREE + 1):
            words = [f"{x:12.3E}" for x in of_spline[ell**2 : (ell + 1) ** 2]]
            lines += ["".join(words[i : i + 11]) for i in range(0, len(words), 11)]
    return "\n".join(lines) + "\n"


@pytest.fixture
def numbers():
    return np.array([[float(f"{x:.3e}") for x in row] for row in rng.normal(size=(21, 49)) / 100])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.sph"


def test_reads_the_format(path, numbers):
    """On knots the model is that of their splines: sum of a X cos + b X sin with SciPy's harmonics, which have the phase."""
    path.write_text(text_of(numbers))
    model = read_sph(path)
    assert model.degree == DEGREE
    lat, lon = rng.uniform(-90, 90, 21), rng.uniform(-180, 180, 21)
    expected = np.zeros(21)
    for ell in range(DEGREE + 1):
        for m in range(ell + 1):
            y = sph_harm_y(ell, m, np.radians(90 - lat), np.radians(lon))
            at = ell**2 + max(2 * m - 1, 0)
            expected += numbers[:, at] * y.real + (numbers[:, at + 1] * y.imag if m else 0)
    inside = np.clip(model.radii, 3480e3 + 1e-6, 6346.6e3 - 1e-6)  # rounding may put an end outside
    np.testing.assert_allclose(model.perturbation(Positions(inside, lat, lon)), expected, rtol=0, atol=1e-12)


def test_splines():
    """They give back a parabola, of which the slopes at both ends are right; outside of the mantle there is nothing."""
    model = TomographyModel(np.sqrt(4 * np.pi) * (2 + KNOTS - 3 * KNOTS**2)[None])
    r = np.linspace(3480e3, 6346.6e3, 200)[1:-1]
    x = 2 * (r - 3480e3) / (6346.6e3 - 3480e3) - 1
    found = model.perturbation(Positions(r, 0 * r, 0 * r))
    np.testing.assert_allclose(found, 2 + x - 3 * x**2, rtol=0, atol=1e-12)
    beyond = Positions(np.array([0.0, 3479e3, 6347e3]), np.zeros(3), np.zeros(3))
    np.testing.assert_array_equal(model.perturbation(beyond), np.zeros(3))
    np.testing.assert_allclose(model.radii[[0, -1]], [6346.6e3, 3480e3])


def test_round_trip(path, numbers):
    """Bytes of the format come back as they were; a model comes back within its four digits, 5e-4 of each number."""
    model = TomographyModel(rng.normal(size=(49, 21)) / 100)
    write_sph(path, model)
    again = read_sph(path)
    np.testing.assert_allclose(again.coefficients, model.coefficients, rtol=5e-4)
    first = path.read_text()
    write_sph(path, again)
    assert path.read_text() == first
    lines = first.splitlines()
    assert lines[0] == HEADER
    assert max(len(line) for line in lines[1:]) == 132
    write_sph(path, TomographyModel(jnp.zeros((1, 21)).at[0, 0].set(-0.02)))
    assert path.read_text().splitlines()[1:3] == [" -0.2000E-01", "  0.0000E+00"]


def test_precision_and_gradient():
    """Single precision stays; Taylor slope 2 by coefficients and positions; all as by `evaluate` on a knot."""
    model = TomographyModel(rng.normal(size=(9, 21)))
    points = Positions(np.array([4000e3, 6000e3]), np.array([90.0, -20.0]), np.array([10.0, 200.0]))
    single = jax.tree.map(lambda x: x.astype("float32"), (model, points))
    assert single[0].perturbation(single[1]).dtype == "float32"
    along = Positions(np.array([3e5, -4e5]), np.array([20.0, 30.0]), np.array([-30.0, 40.0]))
    direction = (TomographyModel(rng.normal(size=(9, 21))), along)
    slopes = taylor_slopes(lambda x: jnp.sum(x[0].perturbation(x[1]) ** 2), (model, points), direction, 2.0 ** -np.arange(10, 16))
    np.testing.assert_allclose(slopes, [1, 2], atol=0.1)
    at = Positions(*(np.array(x) for x in (model.radii[4], 30.0, 40.0)))
    expected = evaluate(model.coefficients[:, 4], 30.0, 40.0)
    np.testing.assert_allclose(model.perturbation(at), expected, rtol=1e-9)


def test_refusals(path, numbers):
    """A file that is not of the format is refused, and told where it departs."""
    good = text_of(numbers)
    lines = good.splitlines()
    cases = {
        "no header of a .sph file": "6 24\n" + "\n".join(lines[1:]),
        "is no header": "",
        "only files with all degrees": good.replace("1111111 ", "1110111 ", 1),
        "for degrees 0 to 7": good.replace("6 1111111", "7 1111111", 1),
        "only the 21 splines of S20RTS": good.replace("000111", "100111", 1),
        r"line 3: 2 numbers where 3 of degree 1 of spline 1 must be": "\n".join([*lines[:2], lines[2][:24], *lines[3:]]),
        "before degree 6 of spline 21: it is cut off": "\n".join(lines[:-2]),
        "there must be no more": good + lines[-1],
        r"line 2: could not convert string to float: '\*{5}'": "\n".join([lines[0], " *****", *lines[2:]]),
        "line 2: what is not finite stands for degree 0": "\n".join([lines[0], " NaN", *lines[2:]]),
    }
    for told, text in cases.items():
        path.write_text(text)
        with pytest.raises(ValueError, match=told):
            read_sph(path)
    with pytest.raises(FileNotFoundError, match="is not a file"):
        read_sph(path.parent / "none.sph")
    with pytest.raises(ValueError, match="nan does not fit the format e12.4"):
        write_sph(path, TomographyModel(np.full((1, 21), np.nan)))
    with pytest.raises(ValueError, match="`core` = 7000000.0 m must be positive and less than `moho`"):
        TomographyModel(np.zeros((1, 21)), core=7e6)
