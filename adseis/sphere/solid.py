r"""Waves in an isotropic solid ball: rho u_tt = div sigma + f, sigma = lambda tr(e) I + 2 mu e, no traction on the surface.

With components (u_s, u_p, u_z) of displacement along s, phi and z, and d_p the derivative by phi, the strain is

    e_ss = d_s u_s,                e_pp = (u_s + d_p u_p) / s,            e_zz = d_z u_z,
    2 e_sp = d_s u_p + (d_p u_s - u_p) / s,    2 e_pz = d_z u_p + d_p u_z / s,    2 e_sz = d_s u_z + d_z u_s.

What is divided by s vanishes on the axis, where its derivative by s stands for it. K is the strain's transpose, weights,
Hooke's law at every azimuth, the strain.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from adseis.sphere.azimuthal import transform, turned
from adseis.sphere.elements import Elements


class Lame(NamedTuple):
    """Elastic moduli [Pa], both at every node `(node,)`, or both at every node and azimuth `(node, azimuth)`."""

    first: Float[Array, "node *azimuth"]
    shear: Float[Array, "node *azimuth"]


@dataclasses.dataclass(frozen=True, eq=False)
class SolidBall:
    """D and K of a solid.

    Attributes:
        elements: Of the mesh.
        order: The largest azimuthal order.
        free: Which components of which nodes move, `(node, component)`, but for the conditions on the axis.
    """

    elements: Elements
    order: int
    free: Bool[np.ndarray, "node component"]
    name = "u"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Nodes, (s, phi, z), components."""
        return len(self.elements.coordinates), 3, 2 * self.order + 1

    def moved(
        self, mass: Float[Array, "node *azimuth"], force: Float[Array, "node 3 component"]
    ) -> Float[Array, "node 3 component"]:
        """1 / (m rho), multiplied with at every azimuth where it varies with it."""
        force = self.regular(force)
        if mass.ndim == 1:
            return mass[:, None, None] * force
        to = jnp.asarray(transform(self.order), force.dtype)
        return self.regular(((force @ to.T) * mass[:, None]) @ to)

    def regular(self, field: Float[Array, "node 3 component"]) -> Float[Array, "node 3 component"]:
        """The part of a field that may be: orders that are kept, and on the axis a vector that has one direction.

        There order 0 is along z, order 1 across it, with u_p the derivative of u_s by phi, and nothing else is.
        """
        field = field * jnp.asarray(self.free, field.dtype)[:, None]
        axis = np.flatnonzero(self.elements.coordinates[:, 0] == 0)
        on = field[axis]
        still = jnp.zeros_like(on).at[:, 2, 0].set(on[:, 2, 0])
        if self.order:
            cosine, sine = (on[:, 0, 1] - on[:, 1, 2]) / 2, (on[:, 0, 2] + on[:, 1, 1]) / 2
            still = still.at[:, 0, 1].set(cosine).at[:, 1, 2].set(-cosine).at[:, 0, 2].set(sine).at[:, 1, 1].set(sine)
        return field.at[axis].set(still)

    def resisted(self, stiffness: Lame, field: Float[Array, "node 3 component"]) -> Float[Array, "node 3 component"]:
        """Strain, stress, and the strain's transpose."""
        elements, dtype = self.elements, field.dtype
        slopes = tuple(jnp.asarray(x, dtype) for x in (*elements.slopes, elements.over_s))
        turn = jnp.asarray(turned(self.order), dtype)

        def strained(local: Float[Array, "element point 3 component"]) -> Float[Array, "element point 6 component"]:
            by_s, by_z, over = (lambda x, a=a: jnp.einsum("epq,eqck->epck", a, x) for a in slopes)
            return strain(by_s(local), by_z(local), over(around(local, turn)))

        local = elements.spread(field)
        found, back = jax.vjp(strained, local)
        at = jax.tree.map(elements.spread, stiffness)
        weights = jnp.asarray(elements.weights, dtype)[..., None, None]
        if at.first.ndim == 2:
            stress = weights * hooke(Lame(*(x[..., None, None] for x in at)), found)
        else:
            to = jnp.asarray(transform(self.order), dtype)
            stress = weights * (hooke(Lame(*(x[..., None, :] for x in at)), found @ to.T) @ to)
        return elements.summed(back(stress)[0])


def around(field: Float[Array, "*at 3 component"], turn: Float[Array, "component component"]) -> Float[Array, "*at 3 component"]:
    """What strain divides by s: u_s + d_p u_p, d_p u_s - u_p, d_p u_z."""
    s, p, z = jnp.moveaxis(field, -2, 0)
    turned_s, turned_p, turned_z = jnp.moveaxis(field @ turn.T, -2, 0)
    return jnp.stack([s + turned_p, turned_s - p, turned_z], -2)


def strain(
    by_s: Float[Array, "*at 3 component"], by_z: Float[Array, "*at 3 component"], over_s: Float[Array, "*at 3 component"]
) -> Float[Array, "*at 6 component"]:
    """e_ss, e_pp, e_zz, 2 e_sp, 2 e_pz, 2 e_sz.

    Args:
        by_s: Derivatives of displacement by s.
        by_z: And by z.
        over_s: What `around` finds, over s.

    Returns:
        Six components of strain.
    """
    (s_s, p_s, z_s), (s_z, p_z, z_z), (pp, sp, pz) = (jnp.moveaxis(x, -2, 0) for x in (by_s, by_z, over_s))
    return jnp.stack([s_s, pp, z_z, p_s + sp, p_z + pz, z_s + s_z], -2)


def hooke(moduli: Lame, found: Float[Array, "*at 6 any"]) -> Float[Array, "*at 6 any"]:
    """Stress of strain, in the same order."""
    pressure = moduli.first * jnp.sum(found[..., :3, :], -2, keepdims=True)
    return jnp.concatenate([pressure + 2 * moduli.shear * found[..., :3, :], moduli.shear * found[..., 3:, :]], -2)
