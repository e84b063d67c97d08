r"""Waves in a fluid ball: chi_tt / kappa - div(grad chi / rho) = s(t) delta(x - xs), chi = 0 on the surface.

The weak form on a mesh, with the azimuthal components q_k of chi and a the order of component k,

    sum over nodes of  m q_tt / kappa  =  f - K q,
    K_a = int (d_s N d_s N + d_z N d_z N + a^2 N / s N / s) / rho  s ds dz,

kappa = rho vp^2 being multiplied with at every azimuth. With a density that does not vary with azimuth the orders are coupled by
kappa alone. `Body` says what fields are.
"""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adseis.signals.arithmetic import einsum, matmul
from adseis.sphere.blocks import Block
from adseis.sphere.body import Body
from adseis.sphere.elements import Elements


class Stiffness(NamedTuple):
    """K of a density that is the same at all azimuths.

    Attributes:
        plain: Of order 0, `(element, point, point)`.
        axial: What a^2 multiplies, of elements that touch the axis, `(axial element, point, point)`.
        other: What a^2 multiplies, of all others, whose part is diagonal, `(node,)`.
    """

    plain: Float[Array, "element point point"]
    axial: Float[Array, "axial point point"]
    other: Float[Array, " node"]


@dataclasses.dataclass(frozen=True, eq=False)
class FluidBall(Body):
    """D and K of a fluid whose density is the same at all azimuths."""

    name = "chi"

    @property
    def shape(self) -> tuple[int, int]:
        """Nodes and values."""
        return self.free.shape[0], self.free.shape[1]

    def moved(self, mass: Float[Array, "node _"], force: Float[Array, "node value"]) -> Float[Array, "node value"]:
        """kappa / m, multiplied with at every azimuth."""
        return self.multiplied(mass, force)

    def resisted(self, stiffness: Stiffness, field: Float[Array, "node value"]) -> Float[Array, "node value"]:
        """Element by element: a dense matrix, which is faster than derivatives along one direction after the other."""
        axial, local = self.elements.axial, self.elements.spread(field)
        force = einsum("epq,eqk->epk", stiffness.plain, local)
        force = force.at[:axial].add(self.twice_turned(einsum("epq,eqk->epk", stiffness.axial, local[:axial])))
        return self.elements.summed(force, onto=stiffness.other[:, None] * self.twice_turned(field))


@dataclasses.dataclass(frozen=True, eq=False)
class VaryingFluidBall(FluidBall):
    """D and K of a fluid whose density varies with azimuth: gradients are divided by it at every azimuth."""

    def resisted(self, stiffness: tuple[Array, Array], field: Float[Array, "node value"]) -> Float[Array, "node value"]:
        """The gradient's transpose, weights, 1 / rho, the gradient; weights over rho as `Blocks.weighted` has them."""
        turn = jnp.asarray(self.turn, field.dtype)

        def work(block: Block, force: Array, light: Array) -> Array:
            (values,) = block.spread(field[:, None])
            by_s, by_z = block.sloped(values)
            around = block.undivided(light * block.divided(matmul(values, turn.T)))
            return block.added(force, [block.unsloped(light * by_s, light * by_z) + matmul(around, turn)])

        return self.blocks.summed(work, jnp.zeros_like(field)[:, None], stiffness)[:, 0]


def stiffness_of(elements: Elements, light: Float[Array, " node"]) -> Stiffness:
    """K of a density that is the same at all azimuths.

    Args:
        elements: Of the mesh.
        light: 1 / rho at every node [m^3/kg]; differentiable.

    Returns:
        Its parts.
    """
    at = light[elements.local.reshape(len(elements.local), -1)] * jnp.asarray(elements.weights, light.dtype)
    by_s, by_z, over = (jnp.asarray(x, light.dtype) for x in (*elements.slopes, elements.over_s[: elements.axial]))
    form = lambda slope, at: einsum("epq,ep,epr->eqr", slope, at, slope)  # noqa: E731
    far = np.arange(len(elements.points)) >= elements.axial
    s = np.where(far[:, None], elements.points[..., 0].reshape(len(far), -1), np.inf)
    other = elements.summed(at / jnp.asarray(s**2, light.dtype))
    return Stiffness(form(by_s, at) + form(by_z, at), form(over, at[: elements.axial]), other)
