"""How the gathers of a line answer to every node of a small map: the whole Jacobian, from one run for every shot and receiver.

A change of speed at x answers to the shot's field there, and is heard at a receiver as a source there is heard at x. Both fields
are simulated once, and their products in the frequency domain, folded onto the map where it was continued, are the derivatives.
"""

from typing import Any

import equinox as eqx
import numpy as np
from jax import Array
from jaxtyping import Float

from adseis.data.openfwi_survey import Lines
from adseis.experiment.grid import Grid
from adseis.experiment.medium import ScalarMedium
from adseis.experiment.sources import Explosion
from adseis.experiment.survey import Survey
from adseis.timeloop.adjoints import ReverseSweep
from adseis.timeloop.equation import State
from adseis.waves.cpml import CPML
from adseis.waves.options import Options
from adseis.waves.scalar import Scalar
from adseis.waves.simulation import simulate

WIDTH = 20
"""Cells of the absorbing layers, as the proxy's."""
AT_ONCE = 5
"""Shots of a run."""
HEARD = 1e-3
"""Share of the largest amplitude of a spectrum below which frequencies are left out."""
ROLLOFF = 8
"""Exponent of the low-pass filter 1 / (1 + (f / corner)^8), which shifts no phase."""
THINNING = 3
"""Every third receiver: these products are for a step, not for the gradient."""


class Jacobian:
    """Gathers within a frequency band, linearised about maps of one shape.

    Use it where the map has some thousand nodes, since matrices are dense. Not for maps of tens of thousands.

    Args:
        shape: Nodes along z and x.
        where: Shots and receivers.
        samples: The source time function, `(time,)`.
        spacing: dx [m].
        dt: Time step [s].
        corner: Of a low-pass filter [Hz]; None for all that there is.
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
        frequency = np.fft.rfftfreq(2 * nt, dt)
        spectrum = np.abs(np.fft.rfft(self.samples, 2 * nt))
        highest = frequency[spectrum > HEARD * spectrum.max()][-1]
        gain = np.ones_like(frequency) if corner is None else 1 / (1 + (frequency / corner) ** ROLLOFF)
        heard = gain * spectrum > HEARD * (gain * spectrum).max()
        self.frequency = frequency[: 1 + int(np.flatnonzero(heard)[-1])]
        omega = 2 * np.pi * self.frequency
        self.every = max(1, int(0.4 / (highest * dt)))
        rows = dt * np.arange(0, nt, max(1, int(0.4 / (self.frequency[-1] * dt))))
        to_time = np.exp(1j * np.outer(rows, omega)) * np.where(omega == 0, 1, 2) * gain[: len(omega)] / (2 * nt)
        self.filter = (to_time @ np.exp(-1j * np.outer(omega, dt * np.arange(nt)))).real
        # Receivers send a pulse that holds all of the band, and go on for as long as it is late.
        width = 1 / (0.8 * np.pi * highest)
        late = int(6 * width / dt)
        self.pulse = np.exp(-0.5 * (dt * (np.arange(nt + late) - late) / width) ** 2)
        sent = np.exp(-1j * np.outer(omega, dt * np.arange(nt + late))) @ self.pulse
        # u - 2 u_before + u_before_that, of what is left of both fields
        to_time = to_time * np.exp(-1j * omega * dt) * (2 * np.cos(omega * dt) - 2) / sent
        self.to_time = np.concatenate([to_time.real, -to_time.imag], 1).astype(np.float32)

    def within(self, gathers: Any) -> Any:
        """The band of gathers `(shot, time, receiver)`, in as few samples as it needs."""
        return self.filter.astype(gathers.dtype) @ gathers

    def normal_matrix(self, vp: Float[np.ndarray, "z x"], column: Float[np.ndarray, "shot row receiver"]) -> np.ndarray:
        """J^T J, for the nodes of a map and for one more unknown.

        Args:
            vp: The map [m/s].
            column: Derivative of the band by the other unknown.

        Returns:
            `(z x + 1, z x + 1)`.
        """
        heard = self.where.receivers[::THINNING]
        shots = self._spectra(vp, self.where.sources, self.samples)
        ends = self._spectra(vp, heard, self.pulse) * self._symmetrizer()
        scale = (2 / (vp.astype(float) ** 3 * self.dt**2)).astype(np.float32).reshape(-1)
        total = np.zeros((vp.size + 1, vp.size + 1), np.float32)
        for shot, other in zip(shots, np.asarray(column, np.float32)[:, :, ::THINNING], strict=True):
            rows = np.empty((len(ends), len(self.to_time), vp.size + 1), np.float32)
            for receiver, end in enumerate(ends):
                product = self._folded(shot * end)
                rows[receiver, :, :-1] = self.to_time @ product * scale
                rows[receiver, :, -1] = other[:, receiver]
            rows = rows.reshape(-1, vp.size + 1)
            total += rows.T @ rows
        return total.astype(float) * (len(self.where.receivers) / len(heard))

    def _spectra(self, vp: np.ndarray, at: np.ndarray, samples: np.ndarray) -> np.ndarray:
        """Of the fields of sources at some nodes, layers included, `(source, frequency, z, x)`."""
        grid = Grid(self.shape, self.spacing, self.dt, len(samples) + 1)
        sent = (np.pad(samples, (0, 1)) * self.spacing**2).astype(vp.dtype)
        found = []
        for first in range(0, len(at), AT_ONCE):
            nodes = at[np.minimum(np.arange(first, first + AT_ONCE), len(at) - 1)]
            fields = np.asarray(_fields(vp, (self.spacing * nodes).astype(vp.dtype), sent, grid, self.every))
            # Sample k of a gather is the field at t = (k + 1) dt.
            instants = self.dt * (self.every * np.arange(len(fields)) - 1)
            wave = np.exp(-2j * np.pi * np.outer(self.frequency, instants)) * self.every
            found.append(np.einsum("ft,tszx->sfzx", wave.astype(np.complex64), fields.astype(np.float32), optimize=True))
        return np.concatenate(found)[: len(at)]

    def _symmetrizer(self) -> np.ndarray:
        """By what the field that a receiver sends into the layers is multiplied to become the one that it hears from there."""
        boundary = CPML(WIDTH)
        extended = boundary.extend(Grid(self.shape, self.spacing, self.dt, 2), 4, False)
        frequency = np.maximum(self.frequency, self.frequency[1])  # at none, where s is infinite, nothing is radiated
        down, across = (boundary.stretching(extended, axis, frequency) for axis in (1, 2))
        return (down[:, :, None] * across[:, None, :]).astype(np.complex64)

    def _folded(self, values: np.ndarray) -> np.ndarray:
        """Onto the map what belongs to nodes that continue its edges, real above imaginary parts, `(2 frequency, node)`."""
        for axis in (1, 2):
            values = np.moveaxis(values, axis, 1)
            inner = values[:, WIDTH:-WIDTH].copy()
            inner[:, 0] += values[:, :WIDTH].sum(1)
            inner[:, -1] += values[:, -WIDTH:].sum(1)
            values = np.moveaxis(inner, 1, axis)
        return np.concatenate([np.real(values), np.imag(values)]).reshape(2 * len(values), -1)


class _Whole(Scalar):
    """Scalar waves whose probes see the layers, too."""

    def snapshot(self, before: State, after: State) -> dict[str, Array]:
        """The field on the core."""
        del after
        halo = self.extended.halo
        return {"u": before.fields["u"][:, halo:-halo, halo:-halo]}


@eqx.filter_jit
def _fields(vp: Any, positions: Any, sent: Any, grid: Grid, every: int) -> Array:
    """Every so many steps, `(time, source, z, x)`."""
    survey = Survey(Explosion(positions[:, None], sent), np.zeros((1, 2), vp.dtype))
    options = Options(
        boundary=CPML(WIDTH), free_surface=False, order=4, record="u", adjoint=ReverseSweep(), probe=lambda fields: fields["u"],
        probe_every=every,
    )  # fmt: skip
    return simulate(_Whole, ScalarMedium(vp), survey, grid, options)[1]
