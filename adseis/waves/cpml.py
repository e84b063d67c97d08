"""Convolutional perfectly matched layers.

Inside a layer every derivative d/dx becomes (1/s) d/dx with s = 1 + d / (alpha + i w). In time that is a convolution, carried by
one memory variable per derivative: m' = b m + a df/dx with b = exp(-(d + alpha) dt), a = d (b - 1) / (d + alpha), and df/dx + m'
in place of df/dx.

An equation keeps the memories of its layers and adds what they return to its derivative; its reverse step does the same with
the transpose. `FirstOrder` stretches staggered first derivatives, `SecondOrder` a Laplacian.

The layers lie outside the model and their memory lives in strips. First-order systems stretch staggered first derivatives
(Komatitsch & Martin 2007, Geophysics 72, SM155, doi:10.1190/1.2757586); a second-order equation stretches first and second ones
(Pasalic & McGarry 2010, SEG Expanded Abstracts 29, 2925, doi:10.1190/1.3513453).
"""

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, PyTree

from adseis.experiment.sampling import POINTS_PER_WAVELENGTH, fastest_speed
from adseis.timeloop.fusion import stored
from adseis.waves.boundary import Boundary, Extended, Patch, Strip, check_layer
from adseis.waves.stencils import Stencils, difference_along, factor_offset


class CPML(Boundary):
    """Absorbing layers of `width` cells outside every face of the model that is not a free surface.

    The profile d = d0 q^2, alpha = pi f (1 - q), with q the depth into the layer over its thickness, follows Collino & Tsogka
    (2001): d0 is set so that a wave of the reference speed that meets the layer head on returns with `reflection` of its
    amplitude. It depends on these static numbers only, never on the medium, so it neither adds to the gradient nor is missing
    from it.

    Use it for whatever has no walls: it is the default. Do not use it to test that an energy is kept (`Rigid`), nor with
    `multiaxial=0` for tens of thousands of elastic steps with strong contrasts near a free surface or water over rock.

    Attributes:
        width: Thickness in cells.
        reflection: Theoretical reflection at normal incidence, which sets the strength.
        reference_speed: Speed [m/s] for which it holds; by default the fastest that grid.dt carries.
        reference_frequency: Frequency f [Hz] that shifts the poles, not above the source's; by default one at which the reference
            speed has ten times the points per wavelength that the order needs.
        multiaxial: Weight w with which a layer damps derivatives along it too: d_x(x) + w d_z(z) q_z^2 for those along x. 0.1
            keeps long elastic runs stable where layers that damp across them alone grow: below a free surface in strong
            contrasts, and with water over rock. It reflects more, and its memory makes a step two to three times as long. The
            scalar equation, which needs none, ignores it.

    Raises:
        ValueError: If `width` is less than 1, `reflection` not between 0 and 1, `multiaxial` negative, or another
            number not positive.

    References:
        Collino, F. & Tsogka, C. (2001), Geophysics 66, 294-307, doi:10.1190/1.1444908
        Meza-Fajardo, K. C. & Papageorgiou, A. S. (2008), Bull. Seism. Soc. Am. 98, 1811-1836, doi:10.1785/0120070223

    Example:
        >>> thin = ads.CPML(width=10)
        >>> thin.extend(ads.Grid((51, 101), 10.0, 1e-3, 500), order=4, free_surface=True).core  # nothing above a free surface
        (61, 121)
    """

    width: int = eqx.field(default=20, static=True)
    reflection: float = eqx.field(default=1e-6, static=True)
    reference_speed: float | None = eqx.field(default=None, static=True)
    reference_frequency: float | None = eqx.field(default=None, static=True)
    multiaxial: float = eqx.field(default=0.0, static=True)

    def __check_init__(self) -> None:
        check_layer(self, "reference_speed", "reference_frequency")
        if not (math.isfinite(self.multiaxial) and self.multiaxial >= 0):
            raise ValueError(f"`multiaxial` = {self.multiaxial} must not be negative; 0 is a layer that damps across it alone.")

    def strips(self, extended: Extended, *, offset: float) -> tuple[Strip, ...]:
        """One strip per absorbing face."""
        strips = []
        for axis in extended.axes:
            for q in self._depths(extended, axis, offset):
                for slab in _slices_of(q > 0):
                    a, b = self._profiles(extended, self._strength(extended, axis) * q[slab] ** 2, q[slab])
                    strips.append(Strip(axis, slab.start, a, b).within(extended.split))
        return tuple(strips)

    def strips_of(self, extended: Extended, axis: int, *, offset: float) -> tuple[Strip, ...]:
        """Those normal to the axis; with a multi-axial weight, those along it as well."""
        if self.multiaxial == 0:
            return super().strips_of(extended, axis, offset=offset)
        if extended.split is not None:
            raise ValueError(
                f"`multiaxial` = {self.multiaxial}: such layers cannot be cut into domains; use multiaxial=0 or domains=1."
            )
        sides, depths = {}, {}
        for other in extended.axes:
            both = self._depths(extended, other, offset if other == axis else 0.0)
            sides[other] = [np.pad(q > 0, extended.halo) for q in both]
            shape = [-1 if i == other else 1 for i in range(1 + len(extended.core))]
            depths[other] = np.pad(np.maximum(*both), extended.halo).reshape(shape)
        weights = {other: 1.0 if other == axis else self.multiaxial for other in depths}
        # Along a layer the damping rises later than across it, which halves what it reflects [dB].
        powers = {other: 2 if other == axis else 4 for other in depths}
        d: Any = sum(weights[k] * self._strength(extended, k) * q ** powers[k] for k, q in depths.items())
        deepest = functools.reduce(np.maximum, depths.values())
        a, b = self._profiles(extended, d, deepest)
        strips = []
        free = np.ones(d.shape, bool)  # where slabs meet, the derivative belongs to the first: that normal to it
        for normal in (axis, *(other for other in extended.axes if other != axis)):
            for slab in itertools.chain(*map(_slices_of, sides[normal])):
                there = tuple(slab if i == normal else slice(None) for i in range(d.ndim))
                start = slab.start - extended.halo
                strips.append(Strip(normal, start, np.where(free, a, 0)[there], np.where(free, b, 0)[there]))
            free = free & (depths[normal] <= 0)
        return tuple(strips)

    def _depths(self, extended: Extended, axis: int, offset: float) -> tuple[np.ndarray, np.ndarray]:
        """How deep cells of the core lie in the layers at both ends of an axis, over their width; 0 outside."""
        whole = extended.whole
        low, high, n = whole.low[axis - 1], whole.high[axis - 1], whole.core[axis - 1]
        x = np.arange(n) + offset
        depths = low - x if low else np.zeros(n), x - (n - 1 - high) if high else np.zeros(n)
        return np.maximum(depths[0], 0) / self.width, np.maximum(depths[1], 0) / self.width

    def _strength(self, extended: Extended, axis: int) -> float:
        """d0."""
        return -1.5 * self._speed(extended) * math.log(self.reflection) / (self.width * extended.grid.spacing[axis - 1])

    def _speed(self, extended: Extended) -> float:
        return self.reference_speed or fastest_speed(extended.grid.spacing, extended.grid.dt, extended.order)

    def _profiles(self, extended: Extended, d: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """a and b of a strength and a depth."""
        points = 10 * POINTS_PER_WAVELENGTH[extended.order]
        frequency = self.reference_frequency or self._speed(extended) / (points * max(extended.grid.spacing))
        alpha = math.pi * frequency * np.maximum(1 - q, 0)
        b = np.exp(-(d + alpha) * extended.grid.dt)
        damped = d > 0
        return np.where(damped, d * (b - 1) / np.where(damped, d + alpha, 1), 0), np.where(damped, b, 0)


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
        closure: What is added to a derivative of a field near a free surface.
    """

    def __init__(
        self, boundary: Boundary, duals: Mapping[Derivative, Derivative], stencils: tuple[Stencils, ...], extended: Extended,
        closure: Callable[[Derivative, Array], list[Patch]] = lambda *_: [],
    ) -> None:  # fmt: skip
        layers = [(d, s) for d in duals for s in boundary.strips_of(extended, d.axis, offset=0.5 * d.forward)]
        self.of = tuple(d for d, _ in layers)
        self.duals, self.stencils, self.closure = dict(duals), stencils, closure
        self.strips, self.extended = tuple(s for _, s in layers), extended
        # The transpose of a derivative across a strip reaches beyond it; of one along a strip, it does not.
        self.wide = tuple(_widened((s,), extended)[0] if s.axis == d.axis else s for d, s in layers)

    def _slope(self, of: Derivative, reach: Array) -> Array:
        """A derivative of a part of a field that has a halo along its axis, without that halo."""
        stencils, halo = self.stencils[of.axis - 1], self.extended.halo
        return difference_along(stencils.forward if of.forward else stencils.backward, reach, of.axis, halo)

    def _slope_along(self, of: Derivative, strip: Array) -> Array:
        """A derivative along a strip that is as long as the grid, free surface included."""
        slope = _lengthened(self._slope(of, strip), of.axis, self.extended.halo)
        return sum((patch.placed(self.extended) for patch in self.closure(of, strip)), start=slope)

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
                if strip.axis == of.axis:
                    slope = self._slope(of, strip.cut(fields[of.field], self.extended, halo))
                else:
                    slope = self._slope_along(of, strip.cut(fields[of.field], self.extended))
                advanced.append(b * m + a * slope)
            return tuple(advanced)

        advanced = stored(memory.clock, advance, memory.strips, {of.field: fields[of.field] for of in self.of})
        return Memory(memory.clock + 1, advanced), _patches(self.of, self.strips, advanced)

    def rest_transposed(self, shots: int, dtype: jnp.dtype) -> Memory:
        """The memory of `unstretch` at rest, for a number of shots."""
        halos = [self.extended.halo * (s.axis == d.axis) for d, s in zip(self.of, self.wide, strict=True)]
        zeros = [s.zeros(self.extended, shots, dtype, halo) for s, halo in zip(self.wide, halos, strict=True)]
        return Memory(jnp.zeros((), dtype), tuple(zeros))

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
                dual = self.duals[of]
                if strip.axis == of.axis:
                    y = _lengthened(b * _shortened(y, of.axis, halo) + a * strip.cut(adjoints[of], self.extended), of.axis, halo)
                    advanced.append((y, self._slope(dual, y)))
                else:
                    y = b * y + a * strip.cut(adjoints[of], self.extended)
                    advanced.append((y, self._slope_along(dual, y)))
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
