"""Pictures of a ball: the projection, what is drawn where, and what is refused."""

import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import pytest

from adseis import sphere
from adseis.viz.figures import save_figure
from adseis.viz.globe import (
    correlation,
    meridian_plane,
    plot_coefficients,
    plot_depth_slices,
    plot_meridian,
    plot_record_section,
)
from adseis.viz.projection import HIGH, WIDE, from_mollweide, mollweide


def north(radius, latitude, longitude):
    return np.asarray(radius) * np.sin(np.radians(latitude)) + 0 * np.asarray(longitude)


def test_the_projection_keeps_areas():
    """The Jacobian by longitude and sine of the latitude is the same all over the map: one cap is as large as any other of its
    area. By central differences of 1e-4, to as much."""
    rng = np.random.default_rng(0)
    sine, longitude, step = rng.uniform(-0.95, 0.95, 50), rng.uniform(-170, 170, 50), 1e-4
    at = lambda s, l: np.stack(mollweide(np.degrees(np.arcsin(s)), l))  # noqa: E731, E741
    by_s = (at(sine + step, longitude) - at(sine - step, longitude)) / (2 * step)
    by_l = (at(sine, longitude + step) - at(sine, longitude - step)) / np.radians(2 * step)
    np.testing.assert_allclose(by_l[0] * by_s[1] - by_l[1] * by_s[0], 1.0, rtol=1e-4)


def test_there_and_back():
    """To rounding, but near the poles, where the map is flat: an angle is the cube root of a rounding unit there."""
    latitude, longitude = np.meshgrid(np.linspace(-90, 90, 19), np.linspace(-180, 180, 13))
    back = from_mollweide(*mollweide(latitude, longitude))
    np.testing.assert_allclose(back[0], latitude, atol=1e-4)
    inner = np.abs(latitude) < 90
    np.testing.assert_allclose(back[1][inner], longitude[inner], atol=1e-6)
    assert np.isnan(from_mollweide(WIDE, 0.5 * HIGH)).all()
    np.testing.assert_allclose(mollweide([0, 90, 0], [180, 77, -180]), [[WIDE, 0, -WIDE], [0, HIGH, 0]], atol=1e-4)
    np.testing.assert_allclose(mollweide(10.0, 350.0), mollweide(10.0, -10.0))


def test_depth_slices(tmp_path):
    """A map for each model and radius; north is up; the scale is that of the first model, symmetric; lines break at the edge."""
    points = {"sources": ([0.0], [0.0]), "stations": ([10.0, 20.0], [30.0, 190.0])}
    figure = plot_depth_slices(
        {"true": north, "found": lambda *at: 0.5 * north(*at)}, (1000.0, 500.0), points=points, pixels=20,
        coastlines=[([0.0, 10.0, 20.0], [150.0, 179.0, -170.0])],
    )  # fmt: skip
    *maps, bar = figure.axes
    assert len(maps) == 4
    meshes = [axes.collections[0] for axes in maps]
    assert {mesh.get_clim() for mesh in meshes} == {(-meshes[0].get_clim()[1], meshes[0].get_clim()[1])}
    values = np.ma.filled(meshes[0].get_array().astype(float), np.nan)
    assert np.nanmean(values[-3:]) > 500 > -500 > np.nanmean(values[:3])
    assert maps[0].get_title() == "r = 1 km"
    assert bar.get_ylabel() == "dvp / vp [%]"
    save_figure(figure, tmp_path / "maps.png", dpi=40)


def test_meridian(tmp_path):
    """The right half is the meridian, the left its opposite; lines of the wavefield are drawn over it."""
    east = lambda r, lat, lon: np.asarray(r) * np.cos(np.radians(lat)) * np.cos(np.radians(np.asarray(lon) - 40.0))  # noqa: E731
    mesh = sphere.ball(1000.0, 0.5, 1.0, (1000.0, 1000.0), azimuthal_order=1)
    source = sphere.PressureSource(700.0, 30.0, 40.0, np.zeros(mesh.nt))
    s, z = mesh.elements.coordinates.T
    plane = meridian_plane(np.stack([z, s / np.sqrt(2), 0 * s], 1), mesh, source)
    # The field is z + s cos(phi) of the source's frame: up plus south there, turned by its colatitude of 60 degrees.
    expected = plane.x * (np.cos(np.pi / 6) + np.sin(np.pi / 6)) + plane.z * (np.sin(np.pi / 6) - np.cos(np.pi / 6))
    np.testing.assert_allclose(plane.values, expected, atol=1e-3)
    figure = plot_meridian({"a": east}, 1000.0, longitude=40.0, wavefield=plane, circles=(500.0,), pixels=20)
    values = np.ma.filled(figure.axes[0].collections[0].get_array().astype(float), np.nan)
    assert values[10, -1] == pytest.approx(950.0, rel=1e-3)
    assert values[10, 0] == pytest.approx(-950.0, rel=1e-3)
    save_figure(figure, tmp_path / "meridian.png", dpi=40)


def test_record_section(tmp_path):
    """Traces stand where their stations are, the first record black."""
    traces = np.zeros((3, 5))
    traces[:, 2] = 1.0
    figure = plot_record_section({"observed": traces, "found": 0.5 * traces}, np.array([90.0, 10.0, 50.0]), 0.1, gain=1.0)
    lines = figure.axes[0].lines
    assert sorted(line.get_ydata()[0] for line in lines[:3]) == [10.0, 50.0, 90.0]
    assert max(line.get_ydata().max() for line in lines[:3]) == 130.0
    assert mpl.colors.same_color(lines[0].get_color(), "black")
    save_figure(figure, tmp_path / "records.png", dpi=40)


def test_coefficients(tmp_path):
    """A panel a level and one of correlations, each told."""
    true = np.random.default_rng(0).standard_normal((4, 2))
    figure = plot_coefficients(true, true * [1.0, -1.0], (1000.0, 500.0))
    assert [axes.texts[0].get_text() for axes in figure.axes[:2]] == ["R = 1.000", "R = -1.000"]
    save_figure(figure, tmp_path / "coefficients.png", dpi=40)
    assert correlation([1, 2, 3], [2, 4, 6.5]) == pytest.approx(np.corrcoef([1, 2, 3], [2, 4, 6.5])[0, 1])
    assert correlation(jnp.ones(3), [1, 2, 3]) == 0


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plot_depth_slices({}, (1.0,)), "`models` and `radii` must not be empty"),
        (
            lambda: plot_depth_slices({"a": north}, (1.0,), points={"receivers": ([0], [0])}, pixels=4),
            "use 'sources' and 'stations'",
        ),
        (lambda: plot_meridian({}, 1.0), "`models` must not be empty"),
        (lambda: plot_meridian({"a": north}, 1.0, points={"receivers": ([0], [0])}, pixels=4), "use 'sources' and 'stations'"),
        (lambda: plot_record_section({"a": np.zeros((2, 3))}, np.zeros(3), 0.1), r"records of \(station, time\), with 3"),
        (lambda: plot_coefficients(np.zeros((4, 2)), np.zeros((4, 3)), (1.0, 2.0)), r"must be \(harmonic, level\) of 2 `radii`"),
    ],
)
def test_refusals(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
