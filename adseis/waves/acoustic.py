"""Acoustic waves of variable density on a staggered grid, 2D and 3D."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from adseis.equation import AdjointState, Collect, Inject, Probe, State
from adseis.timeloop import ReverseSweep, Strategy
from adseis.waves import cpml
from adseis.waves.boundary import Boundary, Extended
from adseis.waves.cpml import CPML
from adseis.waves.free_surface import mirror
from adseis.waves.grid import Grid
from adseis.waves.medium import AcousticMedium
from adseis.waves.simulation import Field, Options, WaveEquation, simulate
from adseis.waves.stencils import difference, pad
from adseis.waves.survey import Survey


def simulate_acoustic(
    medium: AcousticMedium,
    survey: Survey,
    grid: Grid,
    *,
    boundary: Boundary = CPML(),  # noqa: B008 - an immutable setting
    free_surface: bool = False,
    order: int = 4,
    record: str | tuple[str, ...] = "p",
    adjoint: Strategy = ReverseSweep(),  # noqa: B008
    probe: Probe | None = None,
    probe_every: int = 1,
) -> Any:
    r"""Pressure and velocity of a variable-density fluid, recorded at the receivers of every shot.

    Solves, on a staggered grid (Virieux 1986),

        rho v_t = -grad p + d f(t) delta(x - xs),    p_t = kappa (q(t) delta(x - xs) - div v),    kappa = rho vp^2.

    Args:
        medium: P-wave speed [m/s] and density [kg/m^3] on the grid nodes.
        survey: Sources (`Explosion`, `PlaneWave`: volume injection rates q [m^3/s; m^2/s in 2D]; `Force`: f [N; N/m in 2D]) and
            receiver positions [m].
        grid: Space-time sampling (static).
        boundary: What surrounds the model: `CPML`, `Sponge` or `Rigid`.
        free_surface: Whether p = 0 at the top face.
        order: Spatial accuracy: 2, 4, 6 or 8.
        record: "p", "vz", "vy" (3D), "vx", or a tuple of them.
        adjoint: `ReverseSweep()`, the fast exact gradient, or `AutoDiff()`, plain JAX differentiation (jvp, any order).
        probe: A function of the dict of fields, each `(shot, *grid)` (velocities half a cell beyond the nodes along their axis),
            called at t = 0, k dt, 2 k dt, ...; differentiable.
        probe_every: The k of `probe`.

    Returns:
        Pressure [Pa] or velocity [m/s] at t = k dt, `(shot, time, receiver)`, a tuple of them if `record` is one; with a `probe`,
        that and the stacked values of the probe.

    Raises:
        ValueError: If shapes disagree, an option is unknown, or a known value is out of range.
        TypeError: If a source is not one that the equation takes.
        RuntimeError: If vp or rho is not positive, vp breaks the CFL limit, or a position is off the grid (also under `jit`).

    References:
        Virieux, J. (1986), Geophysics 51, 889-901, doi:10.1190/1.1442147
        Layers: Komatitsch, D. & Martin, R. (2007), Geophysics 72, SM155-SM167, doi:10.1190/1.2757586
    """
    options = Options(boundary, free_surface, order, record, adjoint, probe, probe_every)
    return simulate(Acoustic, medium, survey, grid, options)


class Acoustic(WaveEquation):
    """v' = v - b (grad p - f), then p' = p - k (div v' - q), with b = dt / rho halfway between nodes and k = dt rho vp^2."""

    name = "acoustic"

    def __init__(self, extended: Extended, boundary: Boundary) -> None:
        super().__init__(extended, boundary)
        # One entry per axis: its velocity, the strips of grad p along it (half a cell off) and those of div v (on nodes).
        self.velocities = _velocities(len(extended.core))
        half, whole = (boundary.strips(extended, half=half) for half in (True, False))
        self.gradient_strips = {v: tuple(s for s in half if s.axis == axis) for v, axis in self._along()}
        self.divergence_strips = {v: tuple(s for s in whole if s.axis == axis) for v, axis in self._along()}

    @classmethod
    def fields(cls, axes: int) -> dict[str, Field]:
        """Pressure on the nodes, velocities half a cell and half a step off."""
        fields = {"p": Field((0.0,) * axes, odd=True, injected=0.5, recorded=1.0, source=("volume", None))}
        for axis, name in enumerate(_velocities(axes)):
            stagger = tuple(0.5 * (i == axis) for i in range(axes))
            fields[name] = Field(stagger, odd=axis > 0, injected=0.0, recorded=0.5, source=("force", axis))
        return fields

    def coefficients(self, medium: AcousticMedium) -> dict[str, Array]:
        """k for the pressure, b for each velocity: `(1, *haloed)` for all shots, zero in the halo (k on a free surface too)."""
        dt = self.extended.grid.dt
        vp, rho = (self.extended.extend(x) for x in (medium.vp, medium.rho))
        k = dt * rho * vp**2
        coefficients = {"p": k.at[0].set(0) if self.extended.free_surface else k}
        for axis, name in enumerate(self.velocities):
            ahead = [(0, int(i == axis)) for i in range(rho.ndim)]
            beyond = jnp.pad(rho, ahead, mode="edge")
            beyond = beyond[tuple(slice(int(i == axis), None) for i in range(rho.ndim))]
            coefficients[name] = 2 * dt / (rho + beyond)
        coefficients = {name: pad(c[None], self.extended.halo) for name, c in coefficients.items()}
        if self.damping is None:
            return coefficients
        return {name: c / jnp.asarray(1 + self.damping / 2, c.dtype) for name, c in coefficients.items()}

    def injection_gain(self, coefficients: dict[str, Array]) -> dict[str, Array]:
        """Sources are multiplied by the coefficient of the field that they enter."""
        return coefficients

    def initial_state(self, shots: int, dtype: jnp.dtype) -> State:
        """Rest."""
        zero = self.extended.zeros(shots, dtype)
        memory = {n: cpml.stretch_memory(s, self.extended, shots, dtype) for n, s in self.gradient_strips.items()}
        more = {n: cpml.stretch_memory(s, self.extended, shots, dtype) for n, s in self.divergence_strips.items()}
        return State(dict.fromkeys(("p", *self.velocities), zero), (memory, more))

    def step(self, coefficients: dict[str, Array], state: State, inject: Inject) -> State:
        """Velocities by half a step, then pressure."""
        fields, (of_gradient, of_divergence) = dict(state.fields), map(dict, state.memory)
        for name, axis in self._along():
            d = self.stencils[axis - 1].forward
            of_gradient[name], more = cpml.stretch(self.gradient_strips[name], d, of_gradient[name], fields["p"], self.extended)
            slope = sum(more, start=pad(difference(d, fields["p"], axis, self.extended.halo), self.extended.halo))
            v = inject(name, self._damped(fields[name]) - coefficients[name] * slope)
            fields[name] = self._mirrored(name, v)
        divergence: Any = 0
        corrections: list[Array] = []
        for name, axis in self._along():
            d = self.stencils[axis - 1].backward
            strips, memory = self.divergence_strips[name], of_divergence[name]
            of_divergence[name], more = cpml.stretch(strips, d, memory, fields[name], self.extended)
            corrections += more
            divergence += difference(d, fields[name], axis, self.extended.halo)
        divergence = sum(corrections, start=pad(divergence, self.extended.halo))
        fields["p"] = self._mirrored("p", inject("p", self._damped(fields["p"]) - coefficients["p"] * divergence))
        return State(fields, (of_gradient, of_divergence))

    def remember(self, state: State) -> PyTree:
        """Pressure, and the layers' memory of its gradient: from them both coefficients' gradients are recomputed."""
        return state.fields["p"], state.memory[0]

    def initial_adjoint(self, shots: int, dtype: jnp.dtype) -> AdjointState:
        """Rest."""
        zero = self.extended.zeros(shots, dtype)
        memory = {n: cpml.unstretch_memory(s, self.extended, shots, dtype) for n, s in self.gradient_strips.items()}
        more = {n: cpml.unstretch_memory(s, self.extended, shots, dtype) for n, s in self.divergence_strips.items()}
        fields = dict.fromkeys(("p", *self.velocities), zero)
        sums = {n: (zero, cpml.stretch_memory(s, self.extended, shots, dtype)) for n, s in self.gradient_strips.items()}
        return AdjointState(fields, (memory, more), {"p": zero, **sums})

    def reverse_step(
        self, coefficients: dict[str, Array], adjoint: AdjointState, before: PyTree, after: PyTree, collect: Collect
    ) -> AdjointState:
        """For P = k lambda_p and V = b lambda_v the transpose runs the forward updates, with signs turned, backwards."""
        fields, (of_gradient, of_divergence), sums = dict(adjoint.fields), map(dict, adjoint.memory), dict(adjoint.gradient)
        halo = self.extended.halo
        (p_before, _), (p_after, memory_after) = before, after
        fields["p"] = self._mirrored("p", fields["p"])
        collect("p", fields["p"])
        sums["p"] = sums["p"] + fields["p"] * (p_after - self._damped(p_before))
        for name, axis in self._along():
            d = self.stencils[axis - 1].forward
            strips, memory = self.divergence_strips[name], of_divergence[name]
            of_divergence[name], more = cpml.unstretch(strips, d, memory, fields["p"], self.extended)
            slope = sum(more, start=pad(difference(d, fields["p"], axis, halo), halo))
            fields[name] = self._mirrored(name, fields[name] + coefficients[name] * slope)
            collect(name, fields[name])
            # The layers' part is summed in strips of its own: placed in the large sum it would double the sweep's time.
            total, parts = sums[name]
            total = total - fields[name] * pad(difference(d, p_before, axis, halo), halo)
            memory = zip(self.gradient_strips[name], parts, memory_after[name], strict=True)
            sums[name] = total, tuple(part - s.cut(fields[name], self.extended) * m for s, part, m in memory)
        divergence: Any = 0
        corrections: list[Array] = []
        for name, axis in self._along():
            d = self.stencils[axis - 1].backward
            strips, memory = self.gradient_strips[name], of_gradient[name]
            of_gradient[name], more = cpml.unstretch(strips, d, memory, fields[name], self.extended)
            corrections += more
            divergence += difference(d, fields[name], axis, halo)
            fields[name] = self._damped(fields[name])
        divergence = sum(corrections, start=pad(divergence, halo))
        fields["p"] = self._damped(fields["p"]) + coefficients["p"] * divergence
        return AdjointState(fields, (of_gradient, of_divergence), sums)

    def gradient(self, coefficients: dict[str, Array], adjoint: AdjointState, injected: Any) -> dict[str, Array]:
        """Lambda times the update without its coefficient.

        The pressure's update includes its sources; the velocities', recomputed from the gradient of p, does not: `injected` adds
        theirs.
        """
        sums = jax.tree.map(lambda total: total.sum(0, keepdims=True), adjoint.gradient)
        k = coefficients["p"]
        cotangents = {"p": jnp.where(k > 0, sums["p"] / jnp.where(k > 0, k, 1) ** 2, 0)}
        for name in self.velocities:
            b = coefficients[name]
            total, parts = sums[name]
            placed = (s.place(part, self.extended) for s, part in zip(self.gradient_strips[name], parts, strict=True))
            total = sum(placed, start=total + injected(name, b))
            cotangents[name] = jnp.where(b > 0, total / jnp.where(b > 0, b, 1), 0)
        return cotangents

    def _along(self) -> list[tuple[str, int]]:
        return list(zip(self.velocities, self.extended.axes, strict=True))

    def _damped(self, field: Array) -> Array:
        if self.damping is None:
            return field
        return jnp.asarray((2 - self.damping) / (2 + self.damping), field.dtype) * field

    def _mirrored(self, name: str, field: Array) -> Array:
        """Images above a free surface; horizontal velocities are never differentiated across it."""
        if not self.extended.free_surface or name not in ("p", "vz"):
            return field
        return mirror(field, self.extended.halo, odd=name == "p")


def _velocities(axes: int) -> tuple[str, ...]:
    return ("vz", "vx") if axes == 2 else ("vz", "vy", "vx")
