"""Convolutional perfectly matched layers.

Inside a layer every derivative d/dx becomes (1/s) d/dx with s = 1 + d / (alpha + i w). In time that is a convolution, carried by
one memory variable per derivative: m' = b m + a df/dx with b = exp(-(d + alpha) dt), a = d (b - 1) / (d + alpha), and df/dx + m'
in place of df/dx.

An equation keeps the memories of its strips (`stretch_memory` at rest) and adds what `stretch` returns to its derivative; its
reverse step does the same with the transpose, `unstretch`. The `_second` pairs stretch a Laplacian.

The layers lie outside the model and their memory lives in strips. First-order systems stretch staggered first derivatives
(Komatitsch & Martin 2007, Geophysics 72, SM155, doi:10.1190/1.2757586); a second-order equation stretches first and second ones
(Pasalic & McGarry 2010, SEG Expanded Abstracts 29, 2925, doi:10.1190/1.3513453).
"""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from adseis.waves.boundary import Boundary, Extended, Strip, check_layer
from adseis.waves.stability import POINTS_PER_WAVELENGTH, fastest_speed
from adseis.waves.stencils import Stencil, Stencils, difference, difference_of_strip


class CPML(Boundary):
    """Absorbing layers of `width` cells outside every face of the model that is not a free surface.

    The profile d = d0 q^2, alpha = pi f (1 - q), with q the depth into the layer over its thickness, follows Collino & Tsogka
    (2001): d0 is set so that a wave of the reference speed that meets the layer head on returns with `reflection` of its
    amplitude. It depends on these static numbers only, never on the medium, so it neither adds to the gradient nor is missing
    from it.

    Attributes:
        width: Thickness in cells.
        reflection: Theoretical reflection at normal incidence, which sets the strength.
        reference_speed: Speed [m/s] for which it holds; by default the fastest that grid.dt carries.
        reference_frequency: Frequency f [Hz] that shifts the poles, not above the source's; by default one at which the reference
            speed has ten times the points per wavelength that the order needs.

    Raises:
        ValueError: If `width` is less than 1, `reflection` not between 0 and 1, or another number not positive.

    References:
        Collino, F. & Tsogka, C. (2001), Geophysics 66, 294-307, doi:10.1190/1.1444908
    """

    width: int = eqx.field(default=20, static=True)
    reflection: float = eqx.field(default=1e-6, static=True)
    reference_speed: float | None = eqx.field(default=None, static=True)
    reference_frequency: float | None = eqx.field(default=None, static=True)

    def __check_init__(self) -> None:
        check_layer(self, "reference_speed", "reference_frequency")

    def strips(self, extended: Extended, *, half: bool) -> tuple[Strip, ...]:
        """One strip per absorbing face."""
        grid = extended.grid
        speed = self.reference_speed or fastest_speed(grid.spacing, grid.dt, extended.order)
        points = 10 * POINTS_PER_WAVELENGTH[extended.order]
        frequency = self.reference_frequency or speed / (points * max(grid.spacing))
        strips = []
        for axis, low, high, n, h in zip(extended.axes, extended.low, extended.high, extended.core, grid.spacing, strict=True):
            x = np.arange(n) + (0.5 if half else 0.0)
            for depth in (low - x, x - (n - 1 - high)):
                (index,) = np.nonzero(depth > 0)
                if not index.size:  # no layer at this face
                    continue
                q = depth[index] / self.width
                d = -1.5 * speed * math.log(self.reflection) / (self.width * h) * q**2
                alpha = math.pi * frequency * np.maximum(1 - q, 0)
                b = np.exp(-(d + alpha) * grid.dt)
                strips.append(Strip(axis, int(index[0]), d * (b - 1) / (d + alpha), b))
        return tuple(strips)


def stretch(
    strips: tuple[Strip, ...], stencil: Stencil, memory: tuple, field: Array, extended: Extended
) -> tuple[tuple, list[Array]]:
    """Advance the memories of a first derivative.

    Args:
        strips: Where it is stretched, all along one axis.
        stencil: The derivative.
        memory: One array per strip, from the step before.
        field: What is differentiated, `(shot, *haloed)`.
        extended: The grid that is computed on.

    Returns:
        The memories, and for each strip what to add to the derivative, `(shot, *haloed)`.
    """
    advanced = []
    for strip, m in zip(strips, memory, strict=True):
        a, b = strip.profiles(m)
        advanced.append(b * m + a * difference(stencil, field, strip.axis, extended.halo, strip.start, strip.width))
    return tuple(advanced), [s.place(m, extended) for s, m in zip(strips, advanced, strict=True)]


def stretch_memory(strips: tuple[Strip, ...], extended: Extended, shots: int, dtype: jnp.dtype) -> tuple:
    """The memory of `stretch` at rest, for a number of shots."""
    return tuple(s.zeros(extended, shots, dtype) for s in strips)


def unstretch(
    strips: tuple[Strip, ...], stencil: Stencil, memory: tuple, field: Array, extended: Extended
) -> tuple[tuple, list[Array]]:
    """Transpose of `stretch`.

    With g the adjoint of the stretched derivative: m' = b m + g, and d/dx (g + a m') replaces d/dx g. The correction of the
    step before rides along (times zero) because XLA stores a live loop carry but would otherwise recompute the
    strip's stencil at every point of the grid.

    Args:
        strips: As for `stretch`.
        stencil: Minus the transpose of the forward one.
        memory: A pair of arrays per strip, from the step before.
        field: The adjoint g, `(shot, *haloed)`.
        extended: The grid that is computed on.

    Returns:
        The memories, and for each strip what to add to the derivative of the adjoint, `(shot, *haloed)`.
    """
    advanced, corrections = [], []
    for strip, (m, kept) in zip(strips, memory, strict=True):
        a, b = strip.profiles(m)
        m = b * m + strip.cut(field, extended)
        correction = difference_of_strip(stencil, a * m, strip.axis, extended.halo) + 0 * kept
        advanced.append((m, correction))
        corrections.append(strip.place(correction, extended))
    return tuple(advanced), corrections


def unstretch_memory(strips: tuple[Strip, ...], extended: Extended, shots: int, dtype: jnp.dtype) -> tuple:
    """The memory of `unstretch` at rest, for a number of shots."""
    longer = 2 * extended.halo
    return tuple((s.zeros(extended, shots, dtype), s.zeros(extended, shots, dtype, longer)) for s in strips)


def stretch_second(
    strips: tuple[Strip, ...], stencils: tuple[Stencils, ...], memory: tuple, field: Array, extended: Extended
) -> tuple[tuple, list[Array]]:
    """Advance the memories of the second derivatives of a field f.

    psi' = b psi + a D1 f;  zeta' = b zeta + a (D2 f + D1 psi');  correction c' = D1 psi' + zeta'. Carried are psi, c, and
    c of the step before (times zero: see `unstretch`; two, because two steps share one body of the compiled loop).

    Args:
        strips: Where derivatives are stretched, along any axes.
        stencils: The derivatives of every axis.
        memory: A triple of arrays per strip, from the step before.
        field: f, `(shot, *haloed)`.
        extended: The grid that is computed on.

    Returns:
        The memories, and for each strip what to add to the Laplacian of f, `(shot, *haloed)`.
    """
    advanced, corrections, halo = [], [], extended.halo
    for strip, (psi, c, c_before) in zip(strips, memory, strict=True):
        a, b = strip.profiles(c)
        along = stencils[strip.axis - 1]
        where = (strip.axis, halo, strip.start, strip.width)
        d1 = lambda x, along=along, axis=strip.axis: difference_of_strip(along.first, x, axis, halo)  # noqa: E731
        middle = lambda x, s=strip: lax.slice_in_dim(x, halo, halo + s.width, axis=s.axis)  # noqa: E731
        zeta = middle(c - d1(psi))
        psi = b * psi + a * difference(along.first, field, *where)
        slope = d1(psi)
        zeta = b * zeta + a * (difference(along.second, field, *where) + middle(slope))
        advanced.append((psi, _lengthen(strip, zeta, halo) + slope + 0 * c_before, c))
        corrections.append(strip.place(advanced[-1][1], extended))
    return tuple(advanced), corrections


def stretch_second_memory(strips: tuple[Strip, ...], extended: Extended, shots: int, dtype: jnp.dtype) -> tuple:
    """The memory of `stretch_second` at rest, for a number of shots."""
    long = [s.zeros(extended, shots, dtype, 2 * extended.halo) for s in strips]
    return tuple((s.zeros(extended, shots, dtype), z, z) for s, z in zip(strips, long, strict=True))


def unstretch_second(
    strips: tuple[Strip, ...], stencils: tuple[Stencils, ...], memory: tuple, field: Array, extended: Extended
) -> tuple[tuple, list[Array]]:
    """Transpose of `stretch_second`, for an adjoint field w.

    z' = b z + w;  p' = b p - D1 (w + a z');  correction D2 (a z') - D1 (a p').

    Args:
        strips: As for `stretch_second`.
        stencils: The derivatives of every axis.
        memory: Four arrays per strip, from the step before.
        field: w, `(shot, *haloed)`.
        extended: The grid that is computed on.

    Returns:
        The memories, and for each strip what to add to the Laplacian of w, `(shot, *haloed)`.
    """
    advanced, corrections, halo = [], [], extended.halo
    for strip, (z, p, c, c_before) in zip(strips, memory, strict=True):
        a, b = strip.profiles(c)
        along = stencils[strip.axis - 1]
        z = b * z + strip.cut(field, extended)
        slope = difference_of_strip(along.first, a * z, strip.axis, halo)
        slope = lax.slice_in_dim(slope, halo, halo + strip.width, axis=strip.axis)
        p = b * p - difference(along.first, field, strip.axis, halo, strip.start, strip.width) - slope
        second = difference_of_strip(along.second, a * z, strip.axis, halo)
        correction = second - difference_of_strip(along.first, a * p, strip.axis, halo) + 0 * c_before
        advanced.append((z, p, correction, c))
        corrections.append(strip.place(correction, extended))
    return tuple(advanced), corrections


def unstretch_second_memory(strips: tuple[Strip, ...], extended: Extended, shots: int, dtype: jnp.dtype) -> tuple:
    """The memory of `unstretch_second` at rest, for a number of shots."""
    short = stretch_memory(strips, extended, shots, dtype)
    long = [s.zeros(extended, shots, dtype, 2 * extended.halo) for s in strips]
    return tuple((z, z, c, c) for z, c in zip(short, long, strict=True))


def _lengthen(strip: Strip, x: Array, by: int) -> Array:
    widths = [(0, 0)] * x.ndim
    widths[strip.axis] = (by, by)
    return jnp.pad(x, widths)
