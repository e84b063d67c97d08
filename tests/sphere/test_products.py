"""Products of matrices in balls keep the precision of their arrays on accelerators, forth and back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis import sphere


def products(jaxpr):
    """Precisions of all products within, in whatever is called."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            yield equation.params["precision"]
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns")):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                yield from products(inner)


@pytest.mark.parametrize("kind", ["fluid", "solid"])
def test_products_are_exact(kind):
    mesh = sphere.ball(1000.0, 1.0, 0.5, (600.0, 1200.0), azimuthal_order=2)
    stations, at = sphere.Stations([10.0], [50.0], [900.0]), (700.0, 20.0, 30.0, jnp.ones(mesh.nt))
    if kind == "fluid":
        source = sphere.PressureSource(*at)
        medium = sphere.FluidMedium(1000.0, 1000.0)
        run = ads.simulate_fluid_ball
    else:
        source = sphere.MomentTensorSource(*at, np.eye(3))
        medium = sphere.SolidMedium(1200.0, 700.0, 1000.0)
        run = ads.simulate_solid_ball
    like = jnp.ones(mesh.shape)
    varying = jax.tree.map(lambda x: x * like, medium)
    graph = jax.make_jaxpr(jax.grad(lambda medium: jnp.sum(run(medium, source, stations, mesh) ** 2)))(varying)
    found = list(products(graph.jaxpr))
    assert len(found) > 10
    assert all(one is not None and set(one) == {jax.lax.Precision.HIGHEST} for one in found)
