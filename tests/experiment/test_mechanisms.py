"""Moment tensors in words: against double couples of known planes, tensors of known kind, and ObsPy."""

import numpy as np
import pytest

import adseis as ads
from adseis.experiment.mechanisms import kagan_angle, moment_magnitude, nodal_planes, scalar_moment, shares, similarity

RNG = np.random.default_rng(0)
PLANES = np.stack([360 * RNG.random(200), 1 + 88 * RNG.random(200), 360 * RNG.random(200) - 180], -1)
TENSORS = np.asarray(ads.double_couple(*PLANES.T, 3e17))


def apart(a, b):
    """Largest difference of angles, whole turns aside."""
    return np.abs((a - b + 180) % 360 - 180).max(-1)


def turned(tensor, rng):
    rotation, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    return rotation @ tensor @ rotation.T


def test_planes_of_double_couples():
    """One of the two planes is the one the tensor was made of, and both make the tensor again: rounding, a thousandfold for
    planes that are nearly horizontal."""
    planes = nodal_planes(TENSORS)
    assert apart(planes, PLANES[:, None]).min(1).max() < 1e-9
    for k in (0, 1):
        np.testing.assert_allclose(ads.double_couple(*planes[:, k].T, 3e17), TENSORS, rtol=0, atol=1e-12 * 3e17)
    assert np.all((planes[..., 0] >= 0) & (planes[..., 0] < 360) & (planes[..., 1] >= 0) & (planes[..., 1] <= 90))


@pytest.mark.parametrize("azimuth", [30.0, -100.0])
def test_turned_axes(azimuth):
    """On axes that are turned about z the tensor is R M R^T, and its planes are the same on the Earth; rounding, as above."""
    turn = np.deg2rad(azimuth)
    x, y = np.array([0, np.sin(turn), np.cos(turn)]), np.array([0, np.cos(turn), -np.sin(turn)])  # in (z, east, north)
    rotation = np.stack([[1, 0, 0], y, x])
    turned_ = np.asarray(ads.double_couple(*PLANES.T, 3e17, azimuth=azimuth))
    np.testing.assert_allclose(turned_, rotation @ TENSORS @ rotation.T, rtol=0, atol=1e-12 * 3e17)
    assert apart(nodal_planes(turned_, azimuth=azimuth), PLANES[:, None]).min(1).max() < 1e-9
    planes = nodal_planes(turned_, azimuth=azimuth)[..., 0]
    assert np.all((planes >= 0) & (planes < 360))


@pytest.mark.parametrize("plane", [(0.0, 90.0, 0.0), (30.0, 90.0, 90.0), (200.0, 45.0, -90.0), (10.0, 0.0, 70.0)])
def test_planes_at_the_ends_of_their_range(plane):
    """Vertical and horizontal planes have more than one strike and rake; the tensor is the same."""
    tensor = np.asarray(ads.double_couple(*plane, 1.0))
    for angles in nodal_planes(tensor):
        np.testing.assert_allclose(ads.double_couple(*angles, 1.0), tensor, atol=1e-12)


def test_planes_do_not_see_an_isotropic_part():
    """Which plane comes first is rounding's choice."""
    seen, plain = (p[np.argsort(p[:, 0])] for p in (nodal_planes(TENSORS[0] + 1e17 * np.eye(3)), nodal_planes(TENSORS[0])))
    np.testing.assert_allclose(seen, plain, rtol=0, atol=1e-9)


def test_planes_in_2d():
    """A pull along z under a free surface is a reverse fault along y, of 45 degrees either way."""
    planes = nodal_planes(np.diag([1.0, -1.0]))
    np.testing.assert_allclose(planes[np.argsort(planes[:, 0])], [[90.0, 45.0, 90.0], [270.0, 45.0, 90.0]], atol=1e-9)


def test_planes_like_obspy():
    """Within the 1e-5 degrees that ObsPy's own rounding leaves. Its axes are up, south, east."""
    beachball = pytest.importorskip("obspy.imaging.beachball")
    for tensor, ours in zip(TENSORS, nodal_planes(TENSORS), strict=True):
        zz, zy, zx, yy, yx, xx = tensor[np.triu_indices(3)]
        theirs = beachball.mt2plane(beachball.MomentTensor(zz, xx, yy, zx, -zy, -yx, 0))
        first = np.array([theirs.strike, theirs.dip, theirs.rake])
        second = np.array(beachball.aux_plane(*first))
        assert min(apart(first, o) for o in ours) < 1e-4
        assert min(apart(second, o) for o in ours) < 1e-4


def test_size():
    """A double couple of 3e17 N m is of that size and of Mw 5.58; a tensor's size does not depend on its kind."""
    np.testing.assert_allclose(scalar_moment(TENSORS), 3e17, rtol=1e-12)
    assert moment_magnitude(scalar_moment(TENSORS[0])) == pytest.approx((17 + np.log10(3) - 9.1) / 1.5)
    assert scalar_moment(np.eye(3)) == pytest.approx(np.sqrt(1.5))
    assert scalar_moment(np.array([[0.0, 2.0], [2.0, 0.0]])) == pytest.approx(2)


@pytest.mark.parametrize(
    ("tensor", "wanted"),
    [
        (np.eye(3), (1, 0, 0)),
        (-2 * np.eye(3), (-1, 0, 0)),
        (np.diag([2.0, -1.0, -1.0]), (0, 1, 0)),
        (np.diag([1.0, -2.0, 1.0]), (0, -1, 0)),
        (np.diag([1.0, 0.0, -1.0]), (0, 0, 1)),
        (np.diag([3.0, 1.0, 1.0]), (5 / 9, 4 / 9, 0)),  # a crack that opens where lambda = mu
        (np.eye(2), (1, 0, 0)),
        (np.array([[0.0, 1.0], [1.0, 0.0]]), (0, 0, 1)),
        (np.diag([-3.0, -1.0]), (-2 / 3, 0, 1 / 3)),
    ],
)
def test_shares(tensor, wanted):
    """By hand from the eigenvalues, in any orientation."""
    for made in [tensor] + ([turned(tensor, np.random.default_rng(k)) for k in range(3)] if len(tensor) == 3 else []):
        np.testing.assert_allclose(shares(1e16 * made), wanted, atol=1e-12)


def test_kagan_angle():
    """Turning the rake of a fault turns the double couple as much, up to 90 degrees or so, and so does turning the strike of a
    vertical strike-slip fault, up to 45; never more than 120. Near zero an arc cosine keeps half the digits."""
    for turn in (0.0, 5.0, 20.0, 60.0):
        a, b = (np.asarray(ads.double_couple(40.0, 60.0, rake, 1.0)) for rake in (10.0, 10.0 + turn))
        assert kagan_angle(a, b) == pytest.approx(turn, abs=1e-5)
    a, b = (np.asarray(ads.double_couple(strike, 90.0, 0.0, 1.0)) for strike in (0.0, 70.0))
    assert kagan_angle(a, b) == pytest.approx(70, abs=1e-5)
    assert kagan_angle(a, -a) == pytest.approx(90, abs=1e-5)
    angles = kagan_angle(TENSORS, TENSORS[::-1])
    np.testing.assert_allclose(angles, kagan_angle(TENSORS[::-1], TENSORS), atol=1e-5)
    assert 100 < angles.max() < 120 + 1e-9


def test_similarity():
    """One for a multiple, minus one for the opposite, and the cosine between."""
    np.testing.assert_allclose(similarity(TENSORS, 7 * TENSORS), 1, rtol=1e-12)
    np.testing.assert_allclose(similarity(TENSORS, -TENSORS), -1, rtol=1e-12)
    assert similarity(np.diag([1.0, 0.0]), np.eye(2)) == pytest.approx(np.sqrt(0.5))


def test_errors():
    with pytest.raises(ValueError, match="`moment` is isotropic: it has no nodal planes"):
        nodal_planes(np.eye(3))
    with pytest.raises(ValueError, match="`b` is isotropic"):
        kagan_angle(TENSORS[0], np.zeros((3, 3)))
    with pytest.raises(ValueError, match="`moment` is zero: it has no shape"):
        shares(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="`a` is zero"):
        similarity(np.zeros((2, 2)), np.eye(2))
    with pytest.raises(ValueError, match=r"`scalar` has 0 N m; a moment must be positive"):
        moment_magnitude(np.zeros(2))
    with pytest.raises(ValueError, match=r"`moment` \(4, 4\) must be \(\.\.\., axis, axis\), of 2 or 3 axes"):
        scalar_moment(np.eye(4))
