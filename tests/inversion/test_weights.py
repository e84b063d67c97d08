"""Mutes, illumination weights and the change of variables."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis.inversion.parametrizations import ChangeOfVariables, Parametrization
from adseis.inversion.weights import energy_of, illumination, illumination_weight, mute_near, sensitivity
from adseis.optimizers.minimize import minimize


def test_mute_near_is_the_cosine_of_the_distance():
    """Against the formula at every node by brute force: rounding."""
    positions = np.array([[[20.0, 30.0], [20.0, 30.0]], [[60.0, 55.0], [0.0, 90.0]]])
    weight = np.asarray(mute_near(positions, (8, 10), (10.0, 12.0), 25.0, origin=(0.0, -6.0)))
    z, x = np.arange(8)[:, None] * 10.0, np.arange(10)[None, :] * 12.0 - 6.0
    distance = np.min([np.hypot(z - a, x - b) for a, b in positions.reshape(-1, 2)], axis=0)
    np.testing.assert_allclose(weight, np.where(distance < 25, 0.5 - 0.5 * np.cos(np.pi * distance / 25), 1), rtol=0, atol=1e-14)
    assert weight[2, 3] == 0
    assert mute_near(positions.astype(np.float32), (8, 10), 10.0, 25.0).dtype == jnp.float32
    assert mute_near(np.zeros((1, 3)), (2, 3, 4), 10.0, 5.0).shape == (2, 3, 4)


def test_illumination_weight():
    """Its square undoes the damped energy up to a constant, and the darkest node has weight one: rounding."""
    energy = jnp.array([[4.0, 1.0], [0.25, 1e-3]])
    weight = illumination_weight(energy, damping=1e-2)
    np.testing.assert_allclose(weight[1, 1], 1, rtol=1e-15)
    np.testing.assert_allclose(weight**2 * (energy / 4 + 1e-2), jnp.full((2, 2), 1e-3 / 4 + 1e-2), rtol=1e-14)
    np.testing.assert_array_equal(illumination_weight(jnp.zeros(3)), np.ones(3))


GRID = ads.Grid(shape=(20, 24), spacing=20.0, dt=3e-3, nt=140)
SOLID = ads.ElasticMedium(*(np.full(GRID.shape, value) for value in (3000.0, 1700.0, 2000.0)))
PULSE = ads.wavelets.ricker(8.0, GRID.nt, GRID.dt)[None, None]
SHOT, NOBODY = np.array([[[40.0, 230.0]]]), np.zeros((0, 2))


@pytest.mark.slow
def test_illumination_by_sh_waves():
    """They have no pressure: the energy is that of vy, to rounding, which falls with depth."""
    force = ads.Force(SHOT, PULSE, np.array([[[0.0, 1.0, 0.0]]]))
    survey = ads.Survey(force, NOBODY)
    weight = np.asarray(illumination(ads.simulate_sh, SOLID, survey, GRID, stride=2, damping=1e-3))
    _, v = ads.simulate_sh(SOLID, survey, GRID, probe=lambda fields: fields["vy"], probe_every=2)
    wanted = illumination_weight(jnp.sum(v**2, (0, 1)), damping=1e-3)
    np.testing.assert_allclose(weight, wanted, rtol=1e-12)
    assert weight[2, 11:13].max() < 0.5 * weight[15, 11:13].min()
    with pytest.raises(ValueError, match="these waves have no pressure"):
        illumination(ads.simulate_sh, SOLID, survey, GRID, pseudo_hessian=True)


def test_energy_of_pressure_and_of_velocities():
    """The mean of normal stresses, whatever else is there; without them all velocities."""
    two = jnp.array([[1.0, 2.0], [3.0, 0.0]])
    np.testing.assert_array_equal(energy_of({"vz": two, "szz": two, "sxx": 3 * two}), [4 * 1 + 4 * 9, 4 * 4])
    np.testing.assert_array_equal(energy_of({"vy": two, "szy": 9 * two}), [10, 4])


def test_the_pseudo_hessian_is_the_energy_of_the_second_derivative():
    """Against second differences of the wavefield, over speed^6: 1 % allowed for their ends."""
    vp = 2000.0 + 1.0 * GRID.coordinates(0)[:, None] * np.ones(GRID.shape)
    medium, survey = ads.ScalarMedium(vp), ads.Survey(ads.Explosion(SHOT, PULSE), NOBODY)
    weight = illumination(ads.simulate_scalar, medium, survey, GRID, stride=1, pseudo_hessian=True)
    _, u = ads.simulate_scalar(medium, survey, GRID, probe=lambda fields: fields["u"])
    twice = jnp.gradient(jnp.gradient(u[:, 0], GRID.dt, axis=0), GRID.dt, axis=0)
    np.testing.assert_allclose(weight, illumination_weight(jnp.sum(twice**2, 0) / vp**6), rtol=0.01)


def test_change_of_variables_there_and_back():
    """Inverse of each other but for one rounding each; where the weight is zero the reference stays and nothing bounds y."""
    change = ChangeOfVariables({"vp": jnp.array([2.0, 3.0, 4.0])}, jnp.array([0.5, 0.0, 2.0]))
    assert isinstance(change, Parametrization)
    model = {"vp": jnp.array([2.7, 3.0, 3.1])}
    np.testing.assert_allclose(change.to_model(change.to_variables(model))["vp"], model["vp"], rtol=1e-15)
    low, high = change.bounds(1.5, None)
    np.testing.assert_array_equal(low["vp"], [-1.0, -np.inf, -1.25])
    np.testing.assert_array_equal(high["vp"], [np.inf] * 3)


def test_preconditioned_minimization_finds_the_same_minimum_in_fewer_evaluations():
    """A quadratic with curvatures from 1 to 1e4: the exact diagonal weight makes it a sphere, solved in a few evaluations."""
    curvature = jnp.logspace(0, 4, 30)

    def objective(x):
        return 0.5 * jnp.sum(curvature * (x - 1) ** 2)

    x0 = jnp.zeros(30)
    plain = minimize(objective, x0, progress=False)
    change = ChangeOfVariables(x0, 1 / jnp.sqrt(curvature))
    bounds = change.bounds(-2.0, 2.0)
    result = minimize(lambda y: objective(change.to_model(y)), change.to_variables(x0), bounds=bounds, progress=False)
    np.testing.assert_allclose(change.to_model(result.x), jnp.ones(30), rtol=1e-6)  # gradient fallen by 1e9 over 1e2 of scale
    assert result.evaluations < plain.evaluations / 3


def test_errors():
    with pytest.raises(ValueError, match="`radius` = 0.0 m must be positive"):
        mute_near(np.zeros((1, 2)), (3, 3), 1.0, 0.0)
    with pytest.raises(ValueError, match=r"`positions` \(4, 3\) must end with the 2 coordinates"):
        mute_near(np.zeros((4, 3)), (3, 3), 1.0, 1.0)
    with pytest.raises(ValueError, match="`damping` = 0.0 must be positive"):
        illumination_weight(jnp.ones(3), damping=0.0)


@pytest.mark.parametrize("unit", [1e-30, 1e30])
def test_sensitivity_knows_no_unit_of_the_data(unit, capsys):
    """The weight of data in another unit, in single precision, which does not hold the square of the unit; rounding of images.

    The first nodes count a hundredth of the last, so that a weight of all ones, as of no data at all, is another.
    """
    kernel = jnp.asarray(np.random.default_rng(0).standard_normal((30, 40)) * np.linspace(0.01, 1, 40), jnp.float32)
    model, settings = jnp.ones((4, 10), jnp.float32), {"key": jax.random.key(0), "samples": 2, "smooth": 0.5}
    expected = sensitivity(lambda m: kernel @ m.ravel(), model, progress=False, **settings)
    assert capsys.readouterr().err == ""
    found = sensitivity(lambda m: jnp.float32(unit) * (kernel @ m.ravel()), model, **settings)
    assert "sensitivity: 100%" in capsys.readouterr().err
    assert float(expected.min()) < 0.5
    np.testing.assert_allclose(found, expected, rtol=1e-5)
