"""How OpenFWI's gathers answer to every node of a small map: the whole Jacobian, from one run for every shot and receiver.

A change of speed at x answers to the shot's field there, and is heard at a receiver as a source there is heard at x: divided by
(vp dt / dx)^2 the operator is symmetric, damping included. Both fields are simulated once, and their products in the frequency
domain, folded onto the map where it was continued, are the derivatives.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax import Array, lax
from jaxtyping import Float

from adseis.data.openfwi_operator import fields
from adseis.data.openfwi_survey import CELLS, Lines, around, damping
from adseis.signals.arithmetic import einsum

AT_ONCE = 5
"""Shots of a run, and receivers."""
HEARD = 1e-3
"""Share of the largest amplitude of a spectrum below which frequencies are left out."""
SHARPNESS = 2
"""Exponent of the low-pass filter exp(-(f / corner)^2), which shifts no phase and does not ring."""
GUARD = 0.3
"""How far beyond a band products of fields are known, over the highest frequency: what is cut in time is spread by that much."""
DENSE = 30
"""Nodes around the map within which it comes to be enough to have every second one."""


class Jacobian:
    """Gathers within a frequency band, linearised about maps of one shape.

    Use it where the map has some thousand nodes, since matrices are dense. Not for maps of tens of thousands.

    Args:
        shape: Nodes along z and x.
        where: Shots and receivers.
        samples: The source time function, `(time,)`.
        spacing: dx [m].
        dt: Time step [s].
        corner: Of a low-pass filter [Hz]; None for all that there is. Where there is one, the end of the record fades out.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        where: Lines,
        samples: Float[np.ndarray, " time"],
        spacing: float,
        dt: float,
        corner: float | None = None,
    ) -> None:
        self.shape, self.where, self.spacing, self.dt = shape, where, spacing, dt
        self.samples, nt = np.asarray(samples), len(samples)
        spectrum = np.abs(np.fft.rfft(self.samples, 4 * nt))
        highest = np.fft.rfftfreq(4 * nt, dt)[spectrum > HEARD * spectrum.max()][-1]
        # Fields fade out beyond the record, receivers send a pulse that holds all of the band: periods are so long that neither
        # comes back into the record.
        self.fading, width = int(5 / (highest * dt)), 1 / (0.8 * np.pi * highest)
        late = int(6 * width / dt)
        self.pulse = np.exp(-0.5 * (dt * (np.arange(nt + late) - late) / width) ** 2)
        period = 2 * (nt + self.fading + late)
        frequency = np.fft.rfftfreq(period, dt)
        spectrum = np.abs(np.fft.rfft(self.samples, period))
        gain = np.ones_like(frequency) if corner is None else np.exp(-((frequency / corner) ** SHARPNESS))
        last = int(np.flatnonzero(gain * spectrum > HEARD * (gain * spectrum).max())[-1])
        self.every = max(1, int(0.4 / (highest * dt)))

        time, band = dt * np.arange(nt), 2 * np.pi * frequency[: last + 1]
        rows = time[:: max(1, int(0.4 / (frequency[last] * dt)))]
        weight = np.where(frequency == 0, 1, 2) / period
        low_pass = np.exp(1j * np.outer(rows, band)) * (weight * gain)[: last + 1] @ np.exp(-1j * np.outer(band, time))
        guard = GUARD * highest
        self.filter = low_pass.real
        if corner is not None:
            self.filter *= scipy.special.ndtr(guard * (time[-1] - time) - 3.4)

        reach = highest if corner is None else min(highest, frequency[last] + guard)
        self.frequency = frequency[frequency <= reach]
        omega = 2 * np.pi * self.frequency
        sent = spacing**2 * (np.exp(-1j * np.outer(omega, dt * np.arange(nt + late))) @ self.pulse)
        # Sample k of a gather is the field at t = (k + 1) dt; nothing is heard of a frequency of zero.
        ahead = np.where(omega == 0, 0, weight[: len(omega)] * np.exp(1j * omega * dt) / sent)
        if corner is not None:
            ahead *= 0.5 * (1 + np.cos(np.pi * np.clip((self.frequency - frequency[last]) / guard, 0, 1)))
        to_time = (self.filter @ np.exp(1j * np.outer(time, omega))) * ahead
        self.to_time = np.concatenate([to_time.real, -to_time.imag], 1).astype(np.float32)

    def within(self, gathers: Any) -> Any:
        """The band of gathers `(shot, time, receiver)`, in as few samples as it needs."""
        return self.filter.astype(gathers.dtype) @ gathers

    def normal_matrix(
        self, vp: Float[np.ndarray, "z x"], slowest: float, basis: Float[np.ndarray, "node unknown"] | None = None
    ) -> Float[np.ndarray, "both both"]:
        """J^T J, for the nodes of a map and for the speed that sets the damping.

        Args:
            vp: The map [m/s].
            slowest: What sets the damping [m/s].
            basis: Maps whose weights are the unknowns; None for the nodes themselves.

        Returns:
            `(unknown + 1, unknown + 1)`, the last for `slowest`.
        """
        columns = None if basis is None else basis.astype(np.float32)
        size = 1 + (vp.size if columns is None else columns.shape[1])
        # Few unknowns are summed in double precision, since it costs little: rounding hides what the gathers hardly depend on.
        precision = np.float32 if columns is None else np.float64
        total = np.zeros((size, size), precision)
        for of_map, of_slowest in self.rows(vp, slowest):
            known = of_map if columns is None else of_map @ columns
            rows = np.concatenate([known, of_slowest[:, None]], 1, dtype=precision)
            total += rows.T @ rows
        return total.astype(float)

    def rows(self, vp: Float[np.ndarray, "z x"], slowest: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The Jacobian, for some receivers after others.

        Args:
            vp: The map [m/s].
            slowest: What sets the damping [m/s].

        Yields:
            Derivatives by the nodes of the map, `(shot and receiver and row, node)`, and by `slowest`, one a row.
        """
        at, share = zip(*(_thinned(n) for n in self.shape), strict=True)
        late = (1 - np.exp(-2j * np.pi * self.frequency * self.dt))[:, None, None]
        k = np.asarray(damping(jnp.asarray(slowest), self.shape, self.spacing) * self.dt)[np.ix_(*at)]
        alpha = (np.asarray(around(vp), float)[np.ix_(*at)] * self.dt / self.spacing) ** 2
        weight = np.outer(*share)
        # p' - 2 p + p_before + k (p - p_before), of what is left of both fields
        forces = (late * k - np.abs(late) ** 2) * (weight / alpha**2)
        damped = -late * (k / slowest * weight / alpha)
        shots = self._spectra(vp, slowest, self.where.sources, self.samples, at)
        given = [shots, *(jnp.asarray(x, np.complex64) for x in (forces, damped))]
        to_time, layers = jnp.asarray(self.to_time), (len(at[0]) - self.shape[0]) // 2
        by_speed = jnp.asarray(2 * vp.reshape(-1) * (self.dt / self.spacing) ** 2, np.float32)
        for first in range(0, len(self.where.receivers), AT_ONCE):
            ends = self._spectra(vp, slowest, self.where.receivers[first : first + AT_ONCE], self.pulse, at)
            of_map, of_slowest = _answers(ends, *given, to_time, by_speed, layers)
            yield np.asarray(of_map).reshape(-1, vp.size), np.asarray(of_slowest).reshape(-1)

    def _spectra(
        self, vp: np.ndarray, slowest: float, nodes: np.ndarray, samples: np.ndarray, at: tuple[np.ndarray, np.ndarray]
    ) -> Array:
        """Of the fields of sources at some nodes, `(frequency, source, z, x)`."""
        sent = np.pad(samples, (0, self.fading)).astype(vp.dtype)
        step = self.every * np.arange(-(-len(sent) // self.every))
        fade = 0.5 * (1 - np.cos(np.pi * np.clip((len(sent) - step) / self.fading, 0, 1)))
        wave = np.exp(-2j * np.pi * np.outer(self.frequency, self.dt * step)) * (self.every * fade)
        found = []
        for first in range(0, len(nodes), AT_ONCE):
            chosen = nodes[np.minimum(np.arange(first, first + AT_ONCE), len(nodes) - 1)]
            speed = np.asarray(slowest, vp.dtype)
            seen = _seen(vp, speed, chosen, sent, *at, every=self.every, spacing=self.spacing, dt=self.dt)
            found.append(_transformed(seen, jnp.asarray(wave, np.complex64))[:, : len(nodes) - first])
        return jnp.concatenate(found, 1)


def _thinned(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Along an axis, nodes of the map and around it, and for how many each stands: far from the map, every second for two.

    From one to the other there is a ramp, since a sudden change would echo in sums of waves.
    """
    outward = np.arange(CELLS)
    ramp = 0.5 * (1 - np.cos(np.pi * np.clip((outward - DENSE / 5) / (0.8 * DENSE), 0, 1)))
    share = np.where(outward % 2 == 0, 1 + ramp, 1 - ramp)
    kept = share > 0
    outward, share = outward[kept], share[kept]
    at = np.concatenate([CELLS - 1 - outward[::-1], CELLS + np.arange(nodes), CELLS + nodes + outward])
    return at, np.concatenate([share[::-1], np.ones(nodes), share])


@partial(jax.jit, static_argnames=("every", "spacing", "dt"))
def _seen(
    vp: Array, slowest: Array, nodes: Array, sent: Array, rows: Array, columns: Array, *, every: int, spacing: float, dt: float
) -> Array:
    """Fields on chosen rows and columns, every so many steps, `(time, source, z, x)`."""
    seen = lambda p: p[:, rows][:, :, columns]  # noqa: E731
    return fields(vp, slowest, sent, nodes, seen, every=every, spacing=spacing, dt=dt)


@jax.jit
def _transformed(seen: Array, wave: Array) -> Array:
    """From time to frequency, `(frequency, source, z, x)`."""
    seen = seen.astype(np.float32)
    real, imaginary = (einsum("ft,tszx->fszx", part, seen) for part in (wave.real, wave.imag))
    return lax.complex(real, imaginary)


@partial(jax.jit, static_argnames="layers")
def _answers(
    ends: Array, shots: Array, forces: Array, damped: Array, to_time: Array, by_speed: Array, layers: int
) -> tuple[Array, Array]:
    """Of receivers to shots, by the nodes of the map, `(shot, receiver, row, node)`, and by `slowest`."""

    def at_one_frequency(fields: tuple[Array, ...]) -> tuple[Array, Array]:
        ends, shots, forces, damped = fields
        product = (shots * forces[None])[:, None] * ends[None]
        for axis in (2, 3):
            product = _folded(product, axis, layers)
        of_slowest = einsum("szx,rzx->sr", shots * damped[None], ends)
        return product.reshape(len(shots), len(ends), -1), of_slowest

    by_node, by_slowest = lax.map(at_one_frequency, (ends, shots, forces, damped))
    parts = lambda z: jnp.concatenate([z.real, z.imag])  # noqa: E731
    of_map = einsum("tf,fsrn->srtn", to_time, parts(by_node)) * by_speed[None, None, None]
    return of_map, einsum("tf,fsr->srt", to_time, parts(by_slowest))


def _folded(values: Array, axis: int, layers: int) -> Array:
    """Onto the map what belongs to nodes that continue its edges."""
    values = jnp.moveaxis(values, axis, 0)
    inner = values[layers:-layers].at[0].add(values[:layers].sum(0)).at[-1].add(values[-layers:].sum(0))
    return jnp.moveaxis(inner, 0, axis)
