"""Moment tensors of catalogues: signs from first principles, files typed in, and the double couple of the same event."""

import io

import numpy as np
import pytest

import adseis as ads
from adseis.earthquakes.geography import Frame
from adseis.earthquakes.hypocentres import read_hypocentres
from adseis.earthquakes.moment_tensors import read_moment_tensors
from adseis.experiment.mechanisms import kagan_angle, nodal_planes, scalar_moment, shares

obspy = pytest.importorskip("obspy")

NORTH = Frame(0.0, 0.0)  # x north, y east
CHILE = """\
PDEW 2006/04/09 20:50:46.0 -20.45  -70.24  34.6 5.5 5.8 NEAR COAST OF NORTHERN C
C200604092050A   B: 88  166  40 S: 96  189  50 M: 41   52 125 CMT: 1 TRIHD:  1.8
CENTROID:      5.3 0.1 -20.46 0.01  -70.73 0.01  39.0  0.4 FREE S-20060726112355
24  4.180 0.069 -1.700 0.046 -2.480 0.060 -1.050 0.052 -2.410 0.075 -2.280 0.038
V10   4.975 73 100   0.120  8 216  -5.095 15 308   5.035  49 30  106 211 61   81
"""
"""Global CMT, NDK; its last line has the fault planes 49/30/106 and 211/61/81."""
BAM = """\
 PDE 2003 12 26 01 56 52.40   29.0000   58.3100  10.0 6.0 6.8 SOUTHERN IRAN
event name:          122603B
time shift:           5.7300
half duration:        4.8000
latitude:            29.1000
longitude:           58.2400
depth:               12.8361
Mrr:            1.412220E+25
Mtt:           -1.357770E+25
Mpp:           -5.444900E+23
Mrt:           -4.331480E+25
Mrp:           -1.828920E+25
Mtp:            6.446100E+25
"""
"""Bam, Iran, as SPECFEM has it [dyne cm, km]."""


def catalogued(strike, dip, rake, moment):
    """M on (r, theta, phi) of a fault, by the formulae of Aki & Richards (2002, box 4.4) for x north, y east, z down, which are
    written out in another way than `double_couple`."""
    f, d, r = np.deg2rad([strike, dip, rake])
    sin, cos = np.sin, np.cos
    xx = -(sin(d) * cos(r) * sin(2 * f) + sin(2 * d) * sin(r) * sin(f) ** 2)
    xy = sin(d) * cos(r) * cos(2 * f) + 0.5 * sin(2 * d) * sin(r) * sin(2 * f)
    xz = -(cos(d) * cos(r) * cos(f) + cos(2 * d) * sin(r) * sin(f))
    yy = sin(d) * cos(r) * sin(2 * f) - sin(2 * d) * sin(r) * cos(f) ** 2
    yz = -(cos(d) * cos(r) * sin(f) - cos(2 * d) * sin(r) * cos(f))
    zz = sin(2 * d) * sin(r)
    return moment * np.array([[zz, xz, -yz], [xz, xx, -xy], [-yz, -xy, yy]])


@pytest.mark.parametrize("azimuth", [0.0, 35.0, 250.0])
def test_double_couples(azimuth):
    """Fault angles and the catalogue's tensor of them are one tensor on the grid, turned or not: rounding of float32 at most."""
    frame = Frame(11.0, 48.0, azimuth=azimuth)
    for plane in np.random.default_rng(0).uniform([0, 0, -180], [360, 90, 180], (20, 3)):
        ours = ads.double_couple(*plane, 3e17, azimuth=azimuth)
        np.testing.assert_allclose(frame.moment_tensor(catalogued(*plane, 3e17)), ours, rtol=0, atol=1e-6 * 3e17)


def test_signs():
    """What each component pushes, from the axes alone: r is up and z down, theta is south and x north, phi is east as y.

    A pair that is turned twice (Mrt: both up and south) keeps its sign, one that is turned once (Mrp, Mtp) does not.
    """
    pairs = {(0, 0): (0, 0, 1), (1, 1): (2, 2, 1), (2, 2): (1, 1, 1), (0, 1): (0, 2, 1), (0, 2): (0, 1, -1), (1, 2): (2, 1, -1)}
    for (i, j), (k, m, sign) in pairs.items():
        given, wanted = np.zeros((3, 3)), np.zeros((3, 3))
        given[i, j] = given[j, i] = 1.0
        wanted[k, m] = wanted[m, k] = sign
        np.testing.assert_array_equal(NORTH.moment_tensor(given), wanted)


def test_thrust():
    """A fault that strikes north and dips 45 degrees east, hanging wall up: up is pulled, east is pushed, Mrr = -Mpp."""
    thrust = np.diag([1.0, 0.0, -1.0])
    np.testing.assert_allclose(NORTH.moment_tensor(thrust), np.diag([1.0, -1.0, 0.0]), atol=1e-15)
    np.testing.assert_allclose(ads.double_couple(0.0, 45.0, 90.0, 1.0), np.diag([1.0, -1.0, 0.0]), atol=1e-7)
    east = Frame(0.0, 0.0, azimuth=90.0)  # x east, y south: now x is pushed
    np.testing.assert_allclose(east.moment_tensor(thrust), np.diag([1.0, 0.0, -1.0]), atol=1e-15)
    np.testing.assert_allclose(ads.double_couple(0.0, 45.0, 90.0, 1.0, azimuth=90.0), np.diag([1.0, 0.0, -1.0]), atol=1e-7)
    np.testing.assert_allclose(Frame(0.0, 0.0, azimuth=90.0, axes="zx").moment_tensor(thrust), np.diag([1.0, -1.0]), atol=1e-15)


def test_first_motions_do_not_depend_on_the_frame():
    """The pull along a direction of the Earth is n M n, whichever axes the grid has."""
    moment = catalogued(72.0, 31.0, 118.0, 1.0)
    for azimuth in (0.0, 17.0, 200.0):
        frame = Frame(5.0, 50.0, azimuth=azimuth)
        tensor = frame.moment_tensor(moment)
        np.testing.assert_allclose(np.linalg.eigvalsh(tensor), [-1, 0, 1], atol=1e-12)
        for up, north, east in np.random.default_rng(1).standard_normal((5, 3)):
            along = frame.directions() @ [up, north, east]
            there = np.array([up, -north, east])
            assert along @ tensor @ along == pytest.approx(there @ moment @ there)
        planes = nodal_planes(tensor, azimuth=azimuth)
        assert np.abs(planes - [72.0, 31.0, 118.0]).max(1).min() < 1e-6


def test_ndk(tmp_path):
    """Every number of the lines, in SI; on the grid its planes are those that the file gives in whole degrees."""
    (tmp_path / "chile.ndk").write_text(CHILE)
    (event,) = read_moment_tensors(tmp_path / "chile.ndk")
    expected = np.array([[4.18, -1.05, -2.41], [-1.05, -1.70, -2.28], [-2.41, -2.28, -2.48]]) * 1e17
    np.testing.assert_allclose(event.moment, expected, rtol=1e-12)
    assert (event.name, event.half_duration) == ("C200604092050A", 1.8)
    assert event.scalar_moment == pytest.approx(5.035e17)
    assert event.centroid == (obspy.UTCDateTime("2006-04-09T20:50:51.3"), -70.73, -20.46, 39000.0)
    for azimuth in (0.0, 60.0):
        tensor = Frame(-70.73, -20.46, azimuth=azimuth).moment_tensor(event.moment)
        planes = nodal_planes(tensor, azimuth=azimuth)
        planes = planes[np.argsort(planes[:, 0])]
        np.testing.assert_allclose(planes, [[49, 30, 106], [211, 61, 81]], atol=0.6)
        assert kagan_angle(tensor, ads.double_couple(211, 61, 81, 5.035e17, azimuth=azimuth)) < 1
    assert shares(tensor).isotropic == pytest.approx(0, abs=1e-3)  # constrained; three digits


def test_cmtsolution(tmp_path):
    """Dyne cm to N m, km to m, a shift to a time. A strike-slip fault: its largest component, Mtp > 0, is M_xy < 0."""
    (tmp_path / "CMTSOLUTION").write_text(BAM)
    (event,) = read_moment_tensors(tmp_path / "CMTSOLUTION")
    expected = [1.41222e18, -1.35777e18, -5.4449e16, -4.33148e18, -1.82892e18, 6.4461e18]
    np.testing.assert_allclose(event.moment[[0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]], expected, rtol=1e-12)
    np.testing.assert_array_equal(event.moment, event.moment.T)
    assert event.scalar_moment == pytest.approx(float(scalar_moment(event.moment)), rel=1e-9)
    assert (event.name, event.half_duration) == ("122603B", 4.8)
    assert event.centroid == (obspy.UTCDateTime("2003-12-26T01:56:58.13"), 58.24, 29.1, pytest.approx(12836.1))
    assert NORTH.moment_tensor(event.moment)[2, 1] == -event.moment[1, 2] < 0


def test_quakeml(tmp_path):
    """QuakeML written from either is the same again, and the hypocentre is told from the centroid where it is preferred."""
    (tmp_path / "chile.ndk").write_text(CHILE)
    (tmp_path / "CMTSOLUTION").write_text(BAM)
    for name in ("chile.ndk", "CMTSOLUTION"):
        catalogue = obspy.read_events(str(tmp_path / name))
        hypocentre = next(origin for origin in catalogue[0].origins if origin.origin_type == "hypocenter")
        catalogue[0].preferred_origin_id = hypocentre.resource_id
        catalogue.write(str(tmp_path / "events.xml"), format="QUAKEML")
        (one,), (two,) = read_moment_tensors(tmp_path / name), read_moment_tensors(tmp_path / "events.xml")
        np.testing.assert_allclose(two.moment, one.moment, rtol=1e-12)
        assert two[1:4] == (one.centroid, one.half_duration, pytest.approx(one.scalar_moment))
        assert read_hypocentres(tmp_path / "events.xml", None)[0].depth == hypocentre.depth != one.centroid.depth


def bam():
    """The event of `BAM`, to be spoilt."""
    return obspy.read_events(io.BytesIO(BAM.encode()), format="CMTSOLUTION")[0]


def without_tensor(event):
    event.focal_mechanisms[0].moment_tensor = None


def without_component(event):
    event.focal_mechanisms[0].moment_tensor.tensor.m_rp = None


def of_zero(event):
    for name in ("m_rr", "m_tt", "m_pp", "m_rt", "m_rp", "m_tp"):
        event.focal_mechanisms[0].moment_tensor.tensor[name] = 0.0


def in_dyne_centimetres(event):
    event.focal_mechanisms[0].moment_tensor.scalar_moment *= 1e7


def without_origin(event):
    event.origins = []
    event.preferred_origin_id = None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_tensor, r"event smi:\S+ has no moment tensor"),
        (without_component, r"the moment tensor of event smi:\S+ lacks m_rp"),
        (of_zero, r"the moment tensor of event smi:\S+ is of size 0 N m"),
        (in_dyne_centimetres, r"its moment tensor is of 8.1e\+18 N m, its scalar moment is 8.1e\+25 N m.* dyne cm"),
        (without_origin, r"event smi:\S+ has no origin"),
    ],
)
def test_faults(change, message):
    event = bam()
    change(event)
    with pytest.raises(ValueError, match=message):
        read_moment_tensors(event)


def test_faults_of_files(tmp_path):
    (tmp_path / "CMTSOLUTION").write_text(BAM[:200])
    with pytest.raises(ValueError, match="CMTSOLUTION` is damaged, truncated or no file of events"):
        read_moment_tensors(tmp_path / "CMTSOLUTION")
    with pytest.raises(ValueError, match=r"`moment` \(2, 2\) must be \(\.\.\., 3, 3\), on the axes \(r, theta, phi\)"):
        NORTH.moment_tensor(np.eye(2))
