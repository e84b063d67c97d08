"""Convolutional perfectly matched layers.

Inside a layer every derivative d/dx becomes (1/s) d/dx with s = 1 + d / (alpha + i w). In time that is a convolution, carried by
one memory variable per derivative: m' = b m + a df/dx with b = exp(-(d + alpha) dt), a = d (b - 1) / (d + alpha), and df/dx + m'
in place of df/dx.

An equation keeps the memories of its layers and adds what they return to its derivative; its reverse step does the same with
the transpose. `FirstOrder` stretches staggered first derivatives, `SecondOrder` a Laplacian.

In layered solids some waves carry energy against the direction of their phase, and layers that damp across themselves alone
amplify these (Becache et al. 2003, doi:10.1016/S0021-9991(03)00184-0). What also damps along itself bears them: s_x and s_z both
get a factor 1 + sigma / (i w), which is nothing but fields that decay by sigma, with alpha + sigma for alpha and d - sigma for d.
It costs one product a field, and no memory.

The layers lie outside the model and their memory lives in strips. First-order systems stretch staggered first derivatives
(Komatitsch & Martin 2007, Geophysics 72, SM155, doi:10.1190/1.2757586); a second-order equation stretches first and second ones
(Pasalic & McGarry 2010, SEG Expanded Abstracts 29, 2925, doi:10.1190/1.3513453).
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, PyTree

from adseis.experiment.sampling import POINTS_PER_WAVELENGTH, fastest_speed
from adseis.timeloop.fusion import stored
from adseis.waves.boundary import Boundary, Extended, Patch, Strip, check_layer
from adseis.waves.stencils import Stencils, difference_along, factor_offset

LATE = {2: (0.3, 0.3), 4: (0.5, 0.3), 6: (0.5, 0.3), 8: (0.5, 0.3)}
"""From which depth on, over the thickness, fields decay in layers normal to z, and in those at the sides, by order.

Rocks lie in layers that run into the sides: waves of opposite phase and energy meet these, the sooner the more dispersed they
are. Along the others travel the waves of a survey, and what decays sooner takes more of them.
"""


class CPML(Boundary):
    """Absorbing layers of `width` cells outside every face of the model that is not a free surface.

    The profile d = d0 q^2, alpha = pi f (1 - q), with q the depth into the layer over its thickness, follows Collino & Tsogka
    (2001): d0 is set so that a wave of the reference speed that meets the layer head on returns with `reflection` of its
    amplitude. Towards the outer end all fields decay as well, as exp(-sigma t), sigma = `multiaxial` d0 ((q - l) / (1 - l))^2,
    l = 0.5 above and below (at order 2 0.3) and 0.3 at the sides, which keeps layers of solids from growing. All of it depends
    on these static numbers only, never on the medium, so it neither adds to the gradient nor is missing from it.

    Use it for whatever has no walls: it is the default. Do not use it to test that an energy is kept (`Rigid`), nor with
    `multiaxial=0` for elastic waves in layered or blocky media, where they grow within some thousand steps.

    Attributes:
        width: Thickness in cells.
        reflection: Theoretical reflection at normal incidence, which sets the strength. By default 1e-12 for elastic and SH
            waves, which spares those that graze the layer the decay at its outer end, and 1e-6 for others.
        reference_speed: Speed [m/s] for which it holds; by default the fastest that grid.dt carries.
        reference_frequency: Frequency f [Hz] that shifts the poles, not above the source's; by default one at which the reference
            speed has ten times the points per wavelength that the order needs.
        multiaxial: Share of d0 with which fields decay at the outer end, whatever way they travel. By default 0.1 for elastic and
            SH waves, and 0 for others, which need none.

    Raises:
        ValueError: If `width` is less than 1, `reflection` not between 0 and 1, `multiaxial` negative, or another
            number not positive.

    References:
        Collino, F. & Tsogka, C. (2001), Geophysics 66, 294-307, doi:10.1190/1.1444908
        Becache, E., Fauqueux, S. & Joly, P. (2003), J. Comput. Phys. 188, 399-433, doi:10.1016/S0021-9991(03)00184-0
        Meza-Fajardo, K. C. & Papageorgiou, A. S. (2008), Bull. Seism. Soc. Am. 98, 1811-1836, doi:10.1785/0120070223

    Example:
        >>> thin = ads.CPML(width=10)
        >>> thin.extend(ads.Grid((51, 101), 10.0, 1e-3, 500), order=4, free_surface=True).core  # nothing above a free surface
        (61, 121)
    """

    width: int = eqx.field(default=20, static=True)
    reflection: float | None = eqx.field(default=None, static=True)
    reference_speed: float | None = eqx.field(default=None, static=True)
    reference_frequency: float | None = eqx.field(default=None, static=True)
    multiaxial: float | None = eqx.field(default=None, static=True)

    def __check_init__(self) -> None:
        check_layer(self, "reference_speed", "reference_frequency")
        if self.multiaxial is not None and not (math.isfinite(self.multiaxial) and self.multiaxial >= 0):
            raise ValueError(f"`multiaxial` = {self.multiaxial} must not be negative; 0 is a layer that damps across it alone.")

    def for_solids(self) -> "CPML":
        """With the defaults of elastic and SH waves."""
        reflection = 1e-12 if self.reflection is None else self.reflection
        multiaxial = 0.1 if self.multiaxial is None else self.multiaxial
        return dataclasses.replace(self, reflection=reflection, multiaxial=multiaxial)

    def strips(self, extended: Extended, *, offset: float) -> tuple[Strip, ...]:
        """One strip per absorbing face."""
        strips = []
        for axis in extended.axes:
            for q in self._depths(extended, axis, offset):
                for slab in _slices_of(q > 0):
                    a, b = self._profiles(extended, axis, q[slab])
                    strips.append(Strip(axis, slab.start, a, b).within(extended.split))
        return tuple(strips)

    def damping(self, extended: Extended) -> np.ndarray | None:
        """Where the layers damp along themselves, the sum over the axes."""
        if not self.multiaxial:
            return None
        whole = extended.whole
        sigma = np.zeros((1, *whole.core))
        for axis in whole.axes:
            along = self._along(whole, axis, np.maximum(*self._depths(whole, axis, 0.0)))
            sigma += along.reshape([-1 if i == axis else 1 for i in range(sigma.ndim)])
        return whole.grid.dt * np.pad(sigma, [(0, 0), *[(whole.halo, whole.halo)] * (sigma.ndim - 1)])

    def _depths(self, extended: Extended, axis: int, offset: float) -> tuple[np.ndarray, np.ndarray]:
        """How deep cells of the core lie in the layers at both ends of an axis, over their width; 0 outside."""
        whole = extended.whole
        low, high, n = whole.low[axis - 1], whole.high[axis - 1], whole.core[axis - 1]
        x = np.arange(n) + offset
        depths = low - x if low else np.zeros(n), x - (n - 1 - high) if high else np.zeros(n)
        return np.maximum(depths[0], 0) / self.width, np.maximum(depths[1], 0) / self.width

    def _strength(self, extended: Extended, axis: int) -> float:
        """d0."""
        reflection = 1e-6 if self.reflection is None else self.reflection
        return -1.5 * self._speed(extended) * math.log(reflection) / (self.width * extended.grid.spacing[axis - 1])

    def _along(self, extended: Extended, axis: int, q: np.ndarray) -> np.ndarray:
        """sigma."""
        late = LATE[extended.order][axis > 1]
        return (self.multiaxial or 0) * self._strength(extended, axis) * np.maximum((q - late) / (1 - late), 0) ** 2

    def _speed(self, extended: Extended) -> float:
        return self.reference_speed or fastest_speed(extended.grid.spacing, extended.grid.dt, extended.order)

    def _profiles(self, extended: Extended, axis: int, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """a and b at depths that are not zero."""
        points = 10 * POINTS_PER_WAVELENGTH[extended.order]
        frequency = self.reference_frequency or self._speed(extended) / (points * max(extended.grid.spacing))
        sigma = self._along(extended, axis, q)
        d = np.maximum(self._strength(extended, axis) * q**2 - sigma, 0)
        alpha = math.pi * frequency * np.maximum(1 - q, 0) + sigma
        b = np.exp(-(d + alpha) * extended.grid.dt)
        return d * (b - 1) / (d + alpha), b


def _slices_of(inside: np.ndarray) -> list[slice]:
    """The cells of a layer, if there are any."""
    (index,) = np.nonzero(inside)
    return [slice(int(index[0]), int(index[-1]) + 1)] if index.size else []


class Memory(NamedTuple):
    """What layers remember from step to step.

    Attributes:
        clock: Steps taken: what tells the compiler nothing (see `fusion.stored`).
        strips: Arrays of every strip.
    """

    clock: Array
    strips: PyTree


class Derivative(NamedTuple):
    """One staggered first derivative of an equation.

    Attributes:
        field: What is differentiated.
        axis: Along which axis of the field.
        forward: Whether it lives half a cell beyond the nodes along that axis, or on them.
    """

    field: str
    axis: int
    forward: bool


Patches = dict[Derivative, list[Patch]]
"""What is added to derivatives."""


class FirstOrder:
    """The layers of staggered first derivatives that are taken at one time.

    With m' = b m + a df/dx, what is added to df/dx is m'. The transpose, for the adjoint g of the stretched derivative, with
    y = a m: y' = b y + a g, and dy'/dx is added to dg/dx.

    Args:
        boundary: Where derivatives are stretched.
        duals: Each derivative, and minus its transpose, which is a derivative of what it drives.
        stencils: The differences of every axis.
        extended: The grid that is computed on.
    """

    def __init__(
        self,
        boundary: Boundary,
        duals: Mapping[Derivative, Derivative],
        stencils: tuple[Stencils, ...],
        extended: Extended,
    ) -> None:
        layers = [(d, s) for d in duals for s in boundary.strips(extended, offset=0.5 * d.forward) if s.axis == d.axis]
        self.of = tuple(d for d, _ in layers)
        self.duals, self.stencils = dict(duals), stencils
        self.strips, self.extended = tuple(s for _, s in layers), extended
        self.wide = _widened(self.strips, extended)  # its transpose reaches beyond a strip

    def _slope(self, of: Derivative, reach: Array) -> Array:
        """A derivative of a part of a field that has a halo along its axis, without that halo."""
        stencils, halo = self.stencils[of.axis - 1], self.extended.halo
        return difference_along(stencils.forward if of.forward else stencils.backward, reach, of.axis, halo)

    def rest(self, shots: int, dtype: jnp.dtype) -> Memory:
        """The memory of `stretch` at rest, for a number of shots."""
        return Memory(jnp.zeros((), dtype), tuple(s.zeros(self.extended, shots, dtype) for s in self.strips))

    def stretch(self, memory: Memory, fields: dict[str, Array]) -> tuple[Memory, Patches]:
        """Advance the memories.

        Args:
            memory: From the step before.
            fields: What is differentiated, `(shot, *haloed)`.

        Returns:
            The memory, and what to add to each derivative that has layers.
        """
        halo = self.extended.halo

        def advance(memory: tuple, fields: dict[str, Array]) -> tuple:
            advanced = []
            for of, strip, m in zip(self.of, self.strips, memory, strict=True):
                a, b = strip.profiles(m)
                slope = self._slope(of, strip.cut(fields[of.field], self.extended, halo))
                advanced.append(b * m + a * slope)
            return tuple(advanced)

        advanced = stored(memory.clock, advance, memory.strips, {of.field: fields[of.field] for of in self.of})
        return Memory(memory.clock + 1, advanced), _patches(self.of, self.strips, advanced)

    def rest_transposed(self, shots: int, dtype: jnp.dtype) -> Memory:
        """The memory of `unstretch` at rest, for a number of shots."""
        zeros = tuple(s.zeros(self.extended, shots, dtype, self.extended.halo) for s in self.wide)
        return Memory(jnp.zeros((), dtype), zeros)

    def unstretch(self, memory: Memory, adjoints: dict[Derivative, Array]) -> tuple[Memory, Patches]:
        """Transpose of `stretch`.

        Args:
            memory: From the step after.
            adjoints: The adjoint g of each derivative, `(shot, *haloed)`.

        Returns:
            The memory, and what to add to dg/dx, the dual of each derivative that has layers.
        """
        halo = self.extended.halo

        def advance(memory: tuple, adjoints: dict[Derivative, Array]) -> tuple:
            advanced = []
            for of, strip, y in zip(self.of, self.wide, memory, strict=True):
                a, b = strip.profiles(y)
                y = _lengthened(b * _shortened(y, of.axis, halo) + a * strip.cut(adjoints[of], self.extended), of.axis, halo)
                advanced.append((y, self._slope(self.duals[of], y)))
            return tuple(advanced)

        advanced = stored(memory.clock, advance, memory.strips, {of: adjoints[of] for of in self.of})
        memory = Memory(memory.clock + 1, tuple(y for y, _ in advanced))
        return memory, _patches([self.duals[of] for of in self.of], self.wide, [c for _, c in advanced])


class SecondOrder:
    """The layers of a Laplacian, whose second differences D2 = D- D+ are factored (`Stencils.ahead`, `behind`) and stretched.

    psi' = b psi + a D+ f between the nodes;  zeta' = b zeta + a (D2 f + D- psi') on them;  added to the Laplacian is
    c' = D- psi' + zeta'. Carried are psi and c. The transpose, for an adjoint g: y' = b y + a g;
    r' = b r - a D+ (g + y');  added is D2 y' - D- r'. With first differences that are no factors of the second, short waves would
    not decay, or return from the layers.

    Args:
        boundary: Where derivatives are stretched.
        stencils: The derivatives of every axis.
        extended: The grid that is computed on.
    """

    def __init__(self, boundary: Boundary, stencils: tuple[Stencils, ...], extended: Extended) -> None:
        self.stencils, self.extended = stencils, extended
        self.nodes = _widened(boundary.strips(extended, offset=0.0), extended)
        between = boundary.strips(extended, offset=factor_offset(extended.order))
        self.between = tuple(b.widened(s.start, s.width) for b, s in zip(between, self.nodes, strict=True))

    def rest(self, shots: int, dtype: jnp.dtype) -> Memory:
        """The memory of `stretch` at rest, for a number of shots."""
        strips = [
            (s.zeros(self.extended, shots, dtype, self.extended.halo), s.zeros(self.extended, shots, dtype)) for s in self.nodes
        ]
        return Memory(jnp.zeros((), dtype), tuple(strips))

    def stretch(self, memory: Memory, field: Array) -> tuple[Memory, list[Patch]]:
        """Advance the memories.

        Args:
            memory: From the step before.
            field: f, `(shot, *haloed)`.

        Returns:
            The memory, and what to add to the Laplacian of f.
        """
        halo = self.extended.halo

        def advance(memory: tuple, field: Array) -> tuple:
            advanced = []
            for node, between, (psi, c) in zip(self.nodes, self.between, memory, strict=True):
                axis, d = node.axis, self.stencils[node.axis - 1]
                (a, b), (a_between, b_between) = node.profiles(c), between.profiles(c)
                reach = node.cut(field, self.extended, halo)
                zeta = c - difference_along(d.behind, psi, axis, halo)
                psi = b_between * _shortened(psi, axis, halo) + a_between * difference_along(d.ahead, reach, axis, halo)
                psi = _lengthened(psi, axis, halo)
                slope = difference_along(d.behind, psi, axis, halo)
                advanced.append((psi, b * zeta + a * difference_along(d.second, reach, axis, halo) + (1 + a) * slope))
            return tuple(advanced)

        advanced = stored(memory.clock, advance, memory.strips, field)
        return Memory(memory.clock + 1, advanced), [Patch(s, c) for s, (_, c) in zip(self.nodes, advanced, strict=True)]

    def rest_transposed(self, shots: int, dtype: jnp.dtype) -> Memory:
        """The memory of `unstretch` at rest, for a number of shots."""
        strips = [(s.zeros(self.extended, shots, dtype, self.extended.halo),) * 2 for s in self.nodes]
        return Memory(jnp.zeros((), dtype), tuple(strips))

    def unstretch(self, memory: Memory, field: Array) -> tuple[Memory, list[Patch]]:
        """Transpose of `stretch`: arguments and results alike, `field` being the adjoint g."""
        halo = self.extended.halo

        def advance(memory: tuple, field: Array) -> tuple:
            advanced = []
            for node, between, (y, r) in zip(self.nodes, self.between, memory, strict=True):
                axis, d = node.axis, self.stencils[node.axis - 1]
                (a, b), (a_between, b_between) = node.profiles(y), between.profiles(y)
                reach = node.cut(field, self.extended, halo)
                y = _lengthened(b * _shortened(y, axis, halo) + a * _shortened(reach, axis, halo), axis, halo)
                slope = difference_along(d.ahead, reach + y, axis, halo)
                r = _lengthened(b_between * _shortened(r, axis, halo) - a_between * slope, axis, halo)
                correction = difference_along(d.second, y, axis, halo) - difference_along(d.behind, r, axis, halo)
                advanced.append(((y, r), correction))
            return tuple(advanced)

        advanced = stored(memory.clock, advance, memory.strips, field)
        memory = Memory(memory.clock + 1, tuple(kept for kept, _ in advanced))
        return memory, [Patch(s, c) for s, (_, c) in zip(self.nodes, advanced, strict=True)]


def _widened(strips: tuple[Strip, ...], extended: Extended) -> tuple[Strip, ...]:
    """Each strip on the cells that its transposed difference, or a second difference, reaches: `halo` more towards the model."""
    wide = []
    for strip in strips:
        n = extended.core[strip.axis - 1]
        if strip.start < n - strip.start - strip.width:
            wide.append(strip.widened(0, min(n, strip.start + strip.width + extended.halo)))
        else:
            first = max(0, strip.start - extended.halo)
            wide.append(strip.widened(first, n - first))
    return tuple(wide)


def _patches(derivatives: Sequence[Derivative], strips: Sequence[Strip], values: Sequence[Array]) -> Patches:
    patches: Patches = {}
    for of, strip, x in zip(derivatives, strips, values, strict=True):
        patches.setdefault(of, []).append(Patch(strip, x))
    return patches


def _lengthened(x: Array, axis: int, by: int) -> Array:
    return jnp.pad(x, [(by, by) if i == axis else (0, 0) for i in range(x.ndim)])


def _shortened(x: Array, axis: int, by: int) -> Array:
    return lax.slice_in_dim(x, by, x.shape[axis] - by, axis=axis)
