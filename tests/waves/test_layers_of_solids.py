"""Absorbing layers around layered and blocky solids: they fade for thousands of steps, and spare waves that graze them."""

import analytic
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads

SPACING, DT = 10.0, 9e-4
PLAIN = ads.CPML(reflection=1e-6, multiaxial=0.0)


def rocks(kind, env, count, seed, shape=(44, 48)):
    """vp, vs, rho, each `(medium, *shape)`: layers of 3 to 8 rows, or blocks of 4 to 16 columns in them; at `sea` below water."""
    rng, media = np.random.default_rng(seed), []
    for _ in range(count):
        values, top = np.zeros((3, *shape)), 0
        while top < shape[0]:
            bottom, left = top + rng.integers(3, 9), 0
            while left < shape[1]:
                right = left + (rng.integers(4, 17) if kind == "blocks" else shape[1])
                vp = rng.uniform(1600, 6000)
                rock = vp, vp / rng.uniform(1.6, 3), rng.uniform(1700, 2900)
                values[:, top:bottom, left:right] = np.reshape(rock, (3, *[1] * len(shape)))
                left = right
            top = bottom
        if env == "sea":
            values[:, : rng.integers(3, 9)] = np.reshape((1500, 0, 1000), (3, *[1] * len(shape)))
        media.append(values)
    return np.stack(media, 1).astype("float32")


def peaks(media, env, nt, boundary, order=4, dt=DT):
    """Largest velocity in each of twenty parts of a record, over the largest of all: `(medium, part)`."""
    shape = media.shape[2:]
    grid = ads.Grid(shape, SPACING, dt, nt)
    s = np.asarray(ads.wavelets.ricker(9.0, nt, grid.dt), "float32")[None, None]
    at = SPACING * np.array([10.0, 25.0] if len(shape) == 2 else [8.0, 9.0, 11.0])
    down = np.array([1.0, 0.5, 0.3])[: len(shape)]
    survey = ads.Survey(ads.Force(at[None, None], s, down[None, None]), (at / 2)[None])

    def loudest(fields):
        return jnp.max(jnp.abs(fields["vz"]))

    def run(vp, vs, rho):
        medium = ads.ElasticMedium(vp, vs, rho)
        options = {"boundary": boundary, "free_surface": env != "open", "order": order, "record": "vz"}
        return ads.simulate_elastic(medium, survey, grid, probe=loudest, probe_every=50, **options)[1]

    found = np.asarray(jax.jit(jax.vmap(run))(*media))
    parts = found[:, : found.shape[1] // 20 * 20].reshape(len(found), 20, -1).max(-1)
    return parts / parts.max(1, keepdims=True)


def assert_fading(parts):
    """The end is quieter than the middle and far quieter than the waves. Waves trapped in soft layers and currents in water fade
    slowly: half a decade of either is left to chance, and what is below 1e-4 is not looked at."""
    quiet = np.maximum(parts, 1e-4)
    assert np.all(quiet[:, -1] < 3 * quiet[:, 8:11].max(1)), parts[:, -1] / parts[:, 8:11].max(1)
    assert np.all(parts[:, -1] < 0.1), parts[:, -1]


@pytest.mark.optimised
def test_layers_fade():
    """A layered medium below a free surface over 4,000 steps, which plain layers make grow past all else."""
    assert_fading(peaks(rocks("layers", "free", 1, 0), "free", 4000, ads.CPML()))


@pytest.mark.slow
@pytest.mark.optimised
def test_plain_layers_grow():
    """So that the test above can fail."""
    parts = peaks(rocks("layers", "free", 1, 0), "free", 4000, PLAIN)
    assert np.any(~(parts[:, -1] < 0.5))


@pytest.mark.slow
@pytest.mark.optimised
@pytest.mark.parametrize("env", ["open", "free", "sea"])
@pytest.mark.parametrize("kind", ["layers", "blocks"])
@pytest.mark.parametrize(("order", "count"), [(4, 9), (2, 3), (8, 3)])
def test_fifty_media(kind, env, order, count):
    """20,000 steps of 54 media at order 4, and of 18 each at orders 2 and 8."""
    assert_fading(peaks(rocks(kind, env, count, 100 + order), env, 20_000, ads.CPML(), order))


@pytest.mark.slow
@pytest.mark.optimised
@pytest.mark.parametrize("env", ["open", "free"])
def test_five_media_in_3d(env):
    """3,000 steps."""
    media = np.repeat(rocks("layers", env, 3, 7, (18, 20))[..., None], 19, -1)
    assert_fading(peaks(media[:, : 3 if env == "open" else 2], env, 3000, ads.CPML(10), dt=8e-4))


def grazing(boundary, soft):
    """How much of what runs three nodes below the top edge, for 1.8 km, is lost or added: `(all traces, the worst)`, relative L2
    against a larger domain. Soft rock (vs 500) on hard (vs 2800), or rock throughout."""
    nt, frequency, count = (4500, 4.0, 60) if soft else (1600, 12.0, 60)
    rock = [(1200.0, 4850.0), (500.0, 2800.0), (1800.0, 2700.0)] if soft else [(3000.0,) * 2, (1732.0,) * 2, (2200.0,) * 2]

    def gather(boundary, margin):
        shape = (count + 2 * margin, 201 + 2 * margin)
        depth = SPACING * (np.arange(shape[0]) - margin)[:, None] * np.ones(shape)
        grid = ads.Grid(shape, SPACING, 1e-3, nt)
        s = np.asarray(ads.wavelets.ricker(frequency, nt, grid.dt), "float32")[None, None]
        at = SPACING * np.array([3.0 + margin, 3.0 + margin])
        receivers = at + np.stack([np.zeros(20), np.linspace(100, 1940, 20)], -1)
        survey = ads.Survey(ads.Force(at[None, None], s, [[[1.0, 0.0]]]), receivers)
        medium = ads.ElasticMedium(*(np.where(depth < 80, a, b).astype("float32") for a, b in rock))
        return np.stack(ads.simulate_elastic(medium, survey, grid, boundary=boundary))[:, 0]

    exact, found = gather(ads.CPML(40, reflection=1e-6, multiaxial=0.0), 250), gather(boundary, 0)
    traces = [analytic.relative_l2(found[..., k], exact[..., k]) for k in range(20)]
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact)), float(max(traces))


@pytest.mark.slow
@pytest.mark.optimised
@pytest.mark.parametrize(("soft", "whole", "worst"), [(True, 2e-3, 2e-2), (False, 5e-3, 2e-2)], ids=["soft on hard", "rock"])
def test_grazing_waves(soft, whole, worst):
    """What decays at the outer end of a layer takes little of what grazes it: 0.2 % of all and 2 % of the worst trace."""
    found = grazing(ads.CPML(), soft)
    assert found[0] < whole
    assert found[1] < worst
