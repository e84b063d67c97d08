r"""Waves in an isotropic solid ball: rho u_tt = div sigma + f, sigma = lambda tr(e) I + 2 mu e, no traction on the surface.

With components (u_s, u_p, u_z) of displacement along s, phi and z, and d_p the derivative by phi, the strain is

    e_ss = d_s u_s,                e_pp = (u_s + d_p u_p) / s,            e_zz = d_z u_z,
    2 e_sp = d_s u_p + (d_p u_s - u_p) / s,    2 e_pz = d_z u_p + d_p u_z / s,    2 e_sz = d_s u_z + d_z u_s.

What is divided by s vanishes on the axis, where its derivative by s stands for it. K is the strain's transpose, weights,
Hooke's law at every azimuth, the strain.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adseis.signals.arithmetic import matmul
from adseis.sphere.blocks import Block
from adseis.sphere.body import Body

Strain = tuple[Array, Array, Array, Array, Array, Array]
"""Or stress: ss, pp, zz, sp, pz, sz, all of one shape."""


class Lame(NamedTuple):
    """Elastic moduli [Pa], both at every node, or both at every node and azimuth; or these in blocks, times weights."""

    first: Array
    shear: Array


@dataclasses.dataclass(frozen=True, eq=False)
class SolidBall(Body):
    """D and K of a solid; on the axis less is free to move than `free` says."""

    name = "u"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Nodes, (s, phi, z), values."""
        return self.free.shape[0], 3, self.free.shape[1]

    def moved(self, mass: Float[Array, "node *azimuth"], force: Float[Array, "node 3 value"]) -> Float[Array, "node 3 value"]:
        """1 / (m rho), multiplied with at every azimuth where it varies with it."""
        return self.multiplied(mass.reshape(len(mass), 1, -1), force)

    def allowed(self, components: Float[Array, "near 3 component"]) -> Float[Array, "near 3 component"]:
        """Orders that are kept, and on the axis a vector that has one direction.

        There order 0 is along z, order 1 across it, with u_p the derivative of u_s by phi, and nothing else is.
        """
        components = super().allowed(components)
        axis = np.flatnonzero(self.elements.coordinates[self.near, 0] == 0)
        on = components[axis]
        still = jnp.zeros_like(on).at[:, 2, 0].set(on[:, 2, 0])
        if self.order:
            cosine, sine = (on[:, 0, 1] - on[:, 1, 2]) / 2, (on[:, 0, 2] + on[:, 1, 1]) / 2
            still = still.at[:, 0, 1].set(cosine).at[:, 1, 2].set(-cosine).at[:, 0, 2].set(sine).at[:, 1, 1].set(sine)
        return components.at[axis].set(still)

    def moduli(self, at_nodes: Lame) -> tuple[Lame, Lame]:
        """What K is linear in: moduli times weights, of the elements on the axis and of blocks of the others.

        Args:
            at_nodes: At every node, or at every node and azimuth.
        """
        first, others = zip(*(self.blocks.weighted(x.reshape(len(x), -1)) for x in at_nodes), strict=True)
        return Lame(*first), Lame(*others)

    def resisted(self, stiffness: tuple[Lame, Lame], field: Float[Array, "node 3 value"]) -> Float[Array, "node 3 value"]:
        """The strain, the stress, and the strain's transpose; at every azimuth where moduli vary with it."""
        turn = jnp.asarray(self.turn.T, field.dtype)

        def work(block: Block, force: Array, moduli: Lame) -> Array:
            motion = block.spread(field)
            by_s, by_z = zip(*(block.sloped(x) for x in motion), strict=True)
            across, back = jax.vjp(lambda *motion: around(motion, [matmul(x, turn) for x in motion]), *motion)
            ss, pp, zz, sp, pz, sz = hooke(moduli, strain(by_s, by_z, [block.divided(x) for x in across]))
            along = [block.unsloped(*x) for x in ((ss, sz), (sp, pz), (sz, zz))]
            around_axis = back(tuple(block.undivided(x) for x in (pp, sp, pz)))
            return block.added(force, [x + y for x, y in zip(along, around_axis, strict=True)])

        return self.blocks.summed(work, jnp.zeros_like(field), stiffness)


def around(motion: Sequence[Array], by_azimuth: Sequence[Array]) -> tuple[Array, Array, Array]:
    """What strain divides by s: u_s + d_p u_p, d_p u_s - u_p, d_p u_z; of u_s, u_p, u_z and these derived by phi."""
    (s, p, _), (turned_s, turned_p, turned_z) = motion, by_azimuth
    return s + turned_p, turned_s - p, turned_z


def strain(by_s: Sequence[Array], by_z: Sequence[Array], over_s: Sequence[Array]) -> Strain:
    """e_ss, e_pp, e_zz, 2 e_sp, 2 e_pz, 2 e_sz.

    Args:
        by_s: Derivatives of u_s, u_p, u_z by s.
        by_z: And by z.
        over_s: What `around` finds, over s.

    Returns:
        Six components of strain.
    """
    (s_s, p_s, z_s), (s_z, p_z, z_z), (pp, sp, pz) = by_s, by_z, over_s
    return s_s, pp, z_z, p_s + sp, p_z + pz, z_s + s_z


def hooke(moduli: Lame, found: Strain) -> Strain:
    """Stress of strain, in the same order."""
    ss, pp, zz, sp, pz, sz = found
    pressure, twice = moduli.first * (ss + pp + zz), 2 * moduli.shear
    return (
        pressure + twice * ss,
        pressure + twice * pp,
        pressure + twice * zz,
        moduli.shear * sp,
        moduli.shear * pz,
        moduli.shear * sz,
    )
