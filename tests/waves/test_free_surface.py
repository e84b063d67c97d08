"""A free surface against the image source that it is; the one-sided differences of the elastic one."""

import analytic
import numpy as np
import pytest

import adseis as ads
from adseis.experiment.sampling import ORDERS, staggered_weights
from adseis.waves.free_surface import closures_of

SPEED, DENSITY, SPACING, DT, NT = 2000.0, 1400.0, 10.0, 1e-3, 420
CASES = [((100.0, 300.0), (150.0, 450.0)), ((14.0, 303.0), (23.0, 448.0)), ((60.0, 200.0, 100.0), (40.0, 260.0, 210.0))]
NAMES = ["2d", "2d within the images' reach", "3d"]
each = pytest.mark.parametrize(
    ("source", "receiver"),
    [
        pytest.param(*case, id=name, marks=[pytest.mark.slow] * (name != NAMES[1]))
        for case, name in zip(CASES, NAMES, strict=True)
    ],
)


def experiment(source, receiver, at_surface=False):
    """A grid, a survey and its wavelet; a second receiver on the surface if asked for."""
    s = np.asarray(ads.wavelets.ricker(8.0, NT, DT))
    receivers = [receiver, (0.0, *receiver[1:])] if at_surface else [receiver]
    shape = (31, 61) if len(source) == 2 else (21, 36, 36)
    return (
        ads.Grid(shape, SPACING, DT, NT),
        ads.Survey(ads.Explosion(np.array([[source]]), s[None, None]), np.array(receivers)),
        s,
    )


@pytest.mark.optimised
@each
def test_scalar_image(source, receiver):
    """Source minus mirror image, no fitted scale: 1e-2 for dispersion of order 4 at 10 points per shortest wavelength, the time
    step and the layers. The surface itself is at rest: the images cancel there exactly."""
    grid, survey, s = experiment(source, receiver, at_surface=True)
    u = ads.simulate_scalar(ads.ScalarMedium(np.full(grid.shape, SPEED)), survey, grid, free_surface=True)[0]
    exact = analytic.half_space_free_surface(s, DT, SPEED, source, receiver)
    assert analytic.relative_l2(u[:, 0], exact) < 1e-2
    np.testing.assert_allclose(u[:, 1], 0, atol=1e-14 * np.max(np.abs(exact)))


@pytest.mark.optimised
@each
def test_acoustic_image(source, receiver):
    """Pressure and vertical velocity, the velocity at the surface too, where it doubles: 1e-2 as above, 1.5e-2 for velocities
    of half cells."""
    grid, survey, s = experiment(source, receiver, at_surface=True)
    medium = ads.AcousticMedium(np.full(grid.shape, SPEED), np.full(grid.shape, DENSITY))
    p, vz = (x[0] for x in ads.simulate_acoustic(medium, survey, grid, free_surface=True, record=("p", "vz")))
    exact = analytic.half_space_free_surface(s, DT, SPEED, source, receiver, rho=DENSITY)
    assert analytic.relative_l2(p[:, 0], exact) < 1e-2
    np.testing.assert_allclose(p[:, 1], 0, atol=1e-14 * np.max(np.abs(exact)))
    mirrored = np.array([-source[0], *source[1:]])
    for k, at in enumerate(np.asarray(survey.receivers)):
        moved = [analytic.acoustic_velocity(s, DT, SPEED, at - np.asarray(x))[0] for x in (source, mirrored)]
        assert analytic.relative_l2(vz[:, k], moved[0] - moved[1]) < 1.5e-2


@pytest.mark.parametrize("order", [pytest.param(2, marks=pytest.mark.slow), 8])
def test_surface_is_the_middle_of_an_odd_field(order):
    """A half space with a free surface is one half of a whole space with two opposite sources: the same operations, so
    rounding, whatever the order."""
    nz, nx, nt = 24, 31, 150
    rng = np.random.default_rng(0)
    vp = 1800 + 600 * rng.random((nz, nx))
    half = ads.Grid((nz, nx), SPACING, DT, nt)
    whole = ads.Grid((2 * nz - 1, nx), SPACING, DT, nt, origin=(-(nz - 1) * SPACING, 0.0))
    s = np.asarray(ads.wavelets.ricker(12.0, nt, DT))
    at, receivers = np.array([[[33.0, 154.0]]]), np.array([[50.0, 90.0], [16.0, 222.0]])
    opposite = ads.Explosion(at * np.array([-1.0, 1.0]), -s[None, None])
    mirrored = np.concatenate([vp[:0:-1], vp])
    options = {"boundary": ads.CPML(6), "order": order}
    u = ads.simulate_scalar(
        ads.ScalarMedium(vp), ads.Survey(ads.Explosion(at, s[None, None]), receivers), half, free_surface=True, **options
    )
    both = ads.Survey((ads.Explosion(at, s[None, None]), opposite), receivers)
    wanted = ads.simulate_scalar(ads.ScalarMedium(mirrored), both, whole, **options)
    np.testing.assert_allclose(u, wanted, rtol=0, atol=1e-11 * np.max(np.abs(wanted)))


def test_too_few_rows():
    _, survey, _ = experiment((10.0, 30.0), (20.0, 50.0))
    thin = ads.Grid((4, 61), SPACING, DT, NT)
    with pytest.raises(ValueError, match=r"A free surface of order 4 needs more than 4 rows; `grid.shape` is \(4, 61\)"):
        ads.simulate_scalar(ads.ScalarMedium(np.full(thin.shape, SPEED)), survey, thin, free_surface=True)


ROWS = 24
NODES = np.arange(ROWS + 0.0)
BETWEEN = NODES + 0.5
NEAR = slice(0, ROWS - 8)  # rows that do not see the end of the matrix


def lengths(order):
    """H of all rows: on the nodes, and between them."""
    near = closures_of(order)
    return tuple(np.concatenate([h, np.ones(ROWS - len(h))]) for h in (near.on_nodes, near.between))


def closed_differences(order):
    """The four differences near a surface as matrices, zeros being assumed above it and below the last row."""
    near = closures_of(order)
    plain = np.zeros((ROWS, ROWS))  # at i + 1/2, of values on the nodes
    for k, weight in enumerate(staggered_weights(order)):
        plain += weight * (np.eye(ROWS, k=k + 1) - np.eye(ROWS, k=-k))

    def closed(of, added):
        whole = of.copy()
        whole[: added.shape[0], : added.shape[1]] += added
        return whole

    return {
        "forward": closed(plain, near.forward),
        "forward_traction": closed(plain, near.forward_traction),
        "backward": closed(-plain.T, near.backward),
        "backward_traction": closed(-plain.T, near.backward_traction),
    }


@pytest.mark.parametrize("order", ORDERS)
def test_closures_sum_by_parts(order):
    """H_between D+ = -(H_nodes D-)^T for the two pairs that belong together: the energy is conserved. Rounding."""
    on_nodes, between = (np.diag(h) for h in lengths(order))
    d = closed_differences(order)
    for forward, backward in (("forward", "backward_traction"), ("forward_traction", "backward")):
        np.testing.assert_allclose(between @ d[forward], -(on_nodes @ d[backward]).T, rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_closures_are_exact_on_polynomials(order):
    """Straight lines at order 2, parabolas at the others, at every row: velocities whatever their value on the surface,
    tractions where they vanish there. Rounding, 1e-10 after a least-squares solution."""
    d, degree = closed_differences(order), 1 if order == 2 else 2
    for k in range(degree + 1):
        slope = lambda x, k=k: k * x ** max(k - 1, 0)  # noqa: E731
        exact = {"forward": (NODES, BETWEEN), "backward": (BETWEEN, NODES)}
        if k > 0:
            exact |= {f"{name}_traction": where for name, where in exact.items()}
        for name, (of, at) in exact.items():
            rows = slice(1, NEAR.stop) if name == "backward" else NEAR  # the vertical velocity drives nothing on the surface
            np.testing.assert_allclose((d[name] @ of**k)[rows], slope(at)[rows], rtol=0, atol=1e-10)


@pytest.mark.parametrize("order", ORDERS)
def test_nothing_crosses_the_surface(order):
    """The vertical velocity does not drive the traction szz on the surface, and that traction, which is zero, drives nothing."""
    d = closed_differences(order)
    np.testing.assert_allclose(d["backward"][0], 0, atol=1e-12)
    np.testing.assert_allclose(d["forward_traction"][:, 0], 0, atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_lengths_of_the_first_rows(order):
    """They are positive, as an energy asks for, and tile the depth: from the surface to half a row beyond the last node, and to
    the last row between nodes plus one half. Rounding."""
    near = closures_of(order)
    assert min(*near.on_nodes, *near.between) > 0.2
    assert near.on_nodes.sum() == pytest.approx(len(near.on_nodes) - 0.5, rel=1e-10)
    assert near.between.sum() == pytest.approx(len(near.between), rel=1e-10)


@pytest.mark.parametrize("order", ORDERS)
def test_closures_leave_the_time_step(order):
    """CFL: the largest singular value of the closed differences, in the norm of the energy, exceeds that of the interior,
    2 sum abs(c), by 0.1 % at most."""
    (on_nodes, between), d = lengths(order), closed_differences(order)
    interior = 2 * np.abs(staggered_weights(order)).sum()
    for name in ("forward", "forward_traction"):
        scaled = np.sqrt(between)[:, None] * d[name] / np.sqrt(on_nodes)[None, :]
        assert np.linalg.norm(scaled, 2) <= 1.001 * interior
