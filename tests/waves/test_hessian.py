"""Hessian products, `jax.jvp` of `jax.grad`, run through the reverse sweep and are exact too.

A Hessian product sees what a gradient hides: a sweep that is the derivative at the point of linearisation only by chance, say
because it reads a field where it should recompute it, has the right gradient and a wrong derivative of it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads

DT = 1e-3
LAYERS, CLOSED = ads.CPML(3), ads.Rigid()


class Case(NamedTuple):
    """A physics, its dimensions, whether the top is a free surface, how many steps there are, whether sources move, and what
    surrounds it."""

    physics: str
    axes: int
    free_surface: bool
    nt: int = 25
    moving: bool = True
    boundary: object = LAYERS

    def __str__(self):
        return (
            f"{self.physics}-{self.axes}d"
            + "-surface" * self.free_surface
            + "-at rest" * (not self.moving)
            + "-closed" * (self.boundary is CLOSED)
        )


FAST = [Case("scalar", 2, True, moving=False, boundary=CLOSED)]
SLOW = [
    Case("scalar", 2, True, moving=False),
    Case("acoustic", 2, True, 13, moving=False),
    Case("scalar", 2, True),
    Case("acoustic", 2, True),
    Case("scalar", 3, False),
    Case("elastic", 2, True, 9),
    Case("scalar", 2, False),
    Case("scalar", 3, True),
    Case("acoustic", 2, False),
    Case("acoustic", 3, True),
    Case("elastic", 2, False),
    Case("sh", 2, True),
]
MEDIA = {"scalar": ("vp",), "acoustic": ("vp", "rho"), "elastic": ("vp", "vs", "rho"), "sh": ("vs", "rho")}


def grid_of(case):
    return ads.Grid(*(((9, 10), (10.0, 9.0)) if case.axes == 2 else ((7, 6, 8), (10.0, 9.0, 11.0))), DT, case.nt)


def draw(case):
    """A strongly uneven medium, a time function and off-node positions within reach of the surface and the layers; and a
    direction of each, small where the gradient bends: half a percent of the medium, a thirtieth of a cell."""
    grid, rng = grid_of(case), np.random.default_rng(5)
    cells = np.array([[[2.3] * case.axes], [[3.4] * case.axes]])  # two shots
    x = {
        "vp": 2500 + 1500 * rng.random(grid.shape),
        "time_function": rng.standard_normal((2, 1, grid.nt)) * np.hanning(grid.nt)[None, None, :],
        "position": cells * np.array(grid.spacing),
        "rho": 1000 + 1500 * rng.random(grid.shape),
        "vs": 1000 + 1000 * rng.random(grid.shape),
    }
    x = {k: v for k, v in x.items() if k in (*MEDIA[case.physics], "time_function", *["position"] * case.moving)}
    size = {"vp": 15.0, "vs": 10.0, "rho": 10.0, "time_function": 0.03, "position": 0.3}
    u = {k: size[k] * rng.standard_normal(v.shape) for k, v in x.items()}
    return jax.tree.map(jnp.asarray, (x, u))


def predict(case, x, adjoint):
    """Every record of two shots."""
    grid = grid_of(case)
    off = 1 if case.moving else 0  # points on nodes compile faster
    at = np.array(grid.spacing) * np.array([[1 + 0.4 * off] * case.axes, [5 - 0.4 * off] * case.axes])
    still = grid.spacing * np.array([[[2.0] * case.axes], [[3.0] * case.axes]])
    position, s, medium = x.get("position", still), x["time_function"], [x[name] for name in MEDIA[case.physics]]
    survey = ads.Survey(ads.Explosion(position, s), at)
    order = 4 if case.moving and case.axes == 2 else 2
    options = {"boundary": case.boundary, "free_surface": case.free_surface, "order": order, "adjoint": adjoint}
    if case.physics == "scalar":
        return ads.simulate_scalar(ads.ScalarMedium(*medium), survey, grid, record=("u",), **options)
    if case.physics == "acoustic":
        names = ("p", "vz", "vx") if case.axes == 2 else ("p", "vz", "vy", "vx")
        return ads.simulate_acoustic(ads.AcousticMedium(*medium), survey, grid, record=names, **options)
    if case.physics == "sh":
        survey = ads.Survey(ads.Force(position, s, np.array([[[0.0, 1.0, 0.0]]])), at)
        medium = ads.ElasticMedium(np.full(grid.shape, 4000.0), *medium)
        return ads.simulate_sh(medium, survey, grid, record=("vy", "szy"), **options)
    shear = ads.MomentTensor(position, 1e10 * s, np.array([[[[0.5, 1.0], [1.0, -0.3]]]]))
    survey = ads.Survey(shear, at)
    return ads.simulate_elastic(ads.ElasticMedium(*medium), survey, grid, record=("vz", "szx"), **options)


def program(case, adjoint, observed):
    """(x, u) -> gradient at x and Hessian product with u, of half the squared residual, each record in units of its own size."""

    def misfit(x):
        residuals = [(a - b) / jnp.max(jnp.abs(b)) for a, b in zip(predict(case, x, adjoint), observed, strict=True)]
        return 0.5 * sum(jnp.sum(r**2) for r in residuals)

    return jax.jit(lambda x, u: jax.jvp(jax.grad(misfit), (x,), (u,)))


def only(u, name):
    return {k: v if k == name else jnp.zeros_like(v) for k, v in u.items()}


@pytest.mark.parametrize("case", FAST + [pytest.param(case, marks=pytest.mark.slow) for case in SLOW], ids=str)
def test_hessian_products(case):
    """Every block of the Hessian (model by model, model by time function, ...), judged three ways.

    - That of `AutoDiff`: other sums of the same terms, so rounding. 1e-9 of the block's largest entry: the interpolation's second
      derivatives cancel, which costs more digits than a gradient loses.
    - <Hu, v> = <u, Hv>: no reference, so nothing that both strategies share can hide. Rounding: 1e-12 of norm(Hu) norm(v).
    - (g(x + h u) - g(x - h u)) / 2h, whose own error is O(h^2): h = 1e-2 is 5e-5 of the medium, so 1e-5 of the block's norm.
    """
    x, u = draw(case)
    truth = jax.tree.map(lambda a: 1.02 * a, x)  # a residual is left over, so that second derivatives of the data count
    observed = jax.jit(lambda x: predict(case, x, ads.ReverseSweep()))(truth)
    swept, plain = (program(case, adjoint, observed) for adjoint in (ads.ReverseSweep(), ads.AutoDiff()))
    blocks = {a: swept(x, only(u, a))[1] for a in x}

    for a in x:
        _, wanted = plain(x, only(u, a))
        for b in x:
            largest = np.abs(wanted[b]).max()
            assert largest > 0, (a, b)
            np.testing.assert_allclose(blocks[a][b], wanted[b], rtol=0, atol=1e-9 * largest, err_msg=f"{b} by {a}")

        v = u[a][..., ::-1] - 0.7 * u[a]
        _, product = swept(x, only(u, a) | {a: v})
        for b in x:
            there, back = jnp.vdot(product[b], u[b]), jnp.vdot(v, blocks[b][a])
            assert abs(float(there - back)) < 1e-12 * float(np.linalg.norm(product[b]) * np.linalg.norm(u[b])), (a, b)

        above, below = (swept(x | {a: x[a] + s * 1e-2 * u[a]}, u)[0] for s in (1, -1))
        for b in x:
            error = (above[b] - below[b]) / 2e-2 - blocks[a][b]
            assert float(np.linalg.norm(error)) < 1e-5 * float(np.linalg.norm(blocks[a][b])), (a, b)
