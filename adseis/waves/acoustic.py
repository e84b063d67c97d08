"""Acoustic waves of variable density on a staggered grid, 2D and 3D."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from adseis.experiment.grid import Grid
from adseis.experiment.medium import AcousticMedium, letters
from adseis.experiment.moduli import arithmetic_mean
from adseis.experiment.sources import VOLUME, Kind
from adseis.experiment.survey import Survey
from adseis.signals import divide
from adseis.timeloop.adjoints import Adjoint, ReverseSweep
from adseis.timeloop.equation import AdjointState, Collect, Inject, Probe, State
from adseis.timeloop.fusion import stored
from adseis.waves.boundary import Boundary, Extended
from adseis.waves.cpml import CPML, Derivative, FirstOrder, Patches
from adseis.waves.options import Options
from adseis.waves.records import Recordable
from adseis.waves.simulation import simulate
from adseis.waves.wave_equation import Field, WaveEquation


def simulate_acoustic(
    medium: AcousticMedium,
    survey: Survey,
    grid: Grid,
    *,
    boundary: Boundary = CPML(),  # noqa: B008 - an immutable setting
    free_surface: bool = False,
    order: int = 4,
    record: Recordable | tuple[Recordable, ...] = "p",
    adjoint: Adjoint = ReverseSweep(),  # noqa: B008
    probe: Probe | None = None,
    probe_every: int = 1,
) -> Any:
    r"""Pressure and velocity of a variable-density fluid, recorded at the receivers of every shot.

    Solves, on a staggered grid (Virieux 1986),

        rho v_t = -grad p + d f(t) delta(x - xs),    p_t = kappa (q(t) delta(x - xs) - div v),    kappa = rho vp^2.

    Warning:
        Sample k of every record is at t = k dt, velocities included: the half steps at which the scheme computes them are
        averaged at the receivers. Do not shift traces by dt / 2.

    Args:
        medium: P-wave speed [m/s] and density [kg/m^3] on the grid nodes.
        survey: Sources (`Explosion`, `PlaneWave`: volume injection rates q [m^3/s; m^2/s in 2D]; `Force`: f [N; N/m in 2D]) and
            receiver positions [m].
        grid: Space-time sampling (static).
        boundary: What surrounds the model: `CPML`, `Sponge` or `Rigid`.
        free_surface: Whether p = 0 at the top face.
        order: Spatial accuracy: 2, 4, 6 or 8.
        record: "p"; velocities "vz", "vy" (3D), "vx"; displacements "uz", ...; an `ads.Fibre`; or a tuple of them.
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

    Example:
        >>> grid = ads.Grid((12, 14), 10.0, 1e-3, 20)
        >>> survey = ads.Survey(ads.Explosion([[[50.0, 60.0]]], np.hanning(20)), [[20.0, 30.0], [20.0, 90.0]])
        >>> water = ads.AcousticMedium(np.full(grid.shape, 1500.0), np.full(grid.shape, 1000.0))
        >>> p, vz = ads.simulate_acoustic(water, survey, grid, free_surface=True, record=("p", "vz"))
        >>> p.shape
        (1, 20, 2)
    """
    options = Options(
        boundary=boundary,
        free_surface=free_surface,
        order=order,
        record=record,
        adjoint=adjoint,
        probe=probe,
        probe_every=probe_every,
    )
    return simulate(Acoustic, medium, survey, grid, options)


class Acoustic(WaveEquation):
    """v' = v - b (grad p - f), then p' = p - k (div v' - q), with b = dt / rho halfway between nodes and k = dt rho vp^2."""

    name = "acoustic"
    medium = AcousticMedium

    def __init__(self, extended: Extended, boundary: Boundary) -> None:
        super().__init__(extended, boundary)
        self.velocities = _velocities(len(extended.core))
        # grad p lives half a cell off the nodes, div v on them.
        self.slopes = {name: Derivative("p", axis, forward=True) for name, axis in self._along()}
        self.strains = {name: Derivative(name, axis, forward=False) for name, axis in self._along()}
        slopes, strains = self.slopes.values(), self.strains.values()
        self.of_gradient = FirstOrder(boundary, dict(zip(slopes, strains, strict=True)), self.stencils, extended)
        self.of_divergence = FirstOrder(boundary, dict(zip(strains, slopes, strict=True)), self.stencils, extended)

    @classmethod
    def fields(cls, axes: int) -> dict[str, Field]:
        """Pressure on the nodes, velocities half a cell and half a step off."""
        fields = {"p": Field((0.0,) * axes, image=-1, injected=0.5, recorded=1.0, sources=(VOLUME,))}
        for axis, name in enumerate(_velocities(axes)):
            stagger = tuple(0.5 * (i == axis) for i in range(axes))
            image, force = (-1 if axis > 0 else 1), Kind("force", name[1])
            fields[name] = Field(stagger, image, injected=0.0, recorded=0.5, sources=(force,), along=(axis + 1,))
        return fields

    @classmethod
    def compressions(cls, axes: int) -> tuple[str, ...]:
        """The pressure."""
        del axes
        return ("p",)

    def coefficients(self, medium: AcousticMedium) -> dict[str, Array]:
        """k for the pressure, b for each velocity: `(1, *haloed)` for all shots, zero in the halo (k on a free surface too)."""
        dt = self.extended.grid.dt
        vp, rho = (self.extended.extend(x) for x in (medium.vp, medium.rho))
        k = dt * rho * vp**2
        coefficients = {"p": k.at[0].set(0) if self.extended.free_surface else k}
        for axis, name in enumerate(self.velocities):
            coefficients[name] = dt / arithmetic_mean(rho, axis)
        return self.on_halo(coefficients)

    def injection_gain(self, coefficients: dict[str, Array]) -> dict[str, Array]:
        """Sources are multiplied by the coefficient of the field that they enter."""
        return coefficients

    def initial_state(self, shots: int, dtype: jnp.dtype) -> State:
        """Rest."""
        zero = self.extended.zeros(shots, dtype)
        memory = self.of_gradient.rest(shots, dtype), self.of_divergence.rest(shots, dtype)
        return State(dict.fromkeys(("p", *self.velocities), zero), memory)

    def step(self, coefficients: dict[str, Array], state: State, inject: Inject) -> State:
        """Velocities by half a step, then pressure."""
        fields, (of_gradient, of_divergence) = dict(state.fields), state.memory
        of_gradient, patches = self.of_gradient.stretch(of_gradient, fields)
        for name, slope_of_p in self.slopes.items():
            slope = self.sum_of([(slope_of_p, fields["p"], None)], patches)
            v = inject(name, self.damped(fields[name]) - coefficients[name] * slope)
            fields[name] = self.filled(name, v)
        of_divergence, patches = self.of_divergence.stretch(of_divergence, fields)
        divergence = self._divergence(fields, patches)
        fields["p"] = self.filled("p", inject("p", self.damped(fields["p"]) - coefficients["p"] * divergence))
        return State(fields, (of_gradient, of_divergence))

    def remember(self, state: State) -> PyTree:
        """Pressure, and the layers' memory of its gradient: from them both coefficients' gradients are recomputed."""
        return state.fields["p"], state.memory[0].strips

    def initial_adjoint(self, shots: int, dtype: jnp.dtype) -> AdjointState:
        """Rest."""
        zero = self.extended.zeros(shots, dtype)
        memory = self.of_gradient.rest_transposed(shots, dtype), self.of_divergence.rest_transposed(shots, dtype)
        fields = dict.fromkeys(("p", *self.velocities), zero)
        return AdjointState(fields, memory, (dict(fields), self.of_gradient.rest(shots, dtype).strips))

    def reverse_step(
        self, coefficients: dict[str, Array], adjoint: AdjointState, before: PyTree, after: PyTree, collect: Collect
    ) -> AdjointState:
        """For P = k lambda_p and V = b lambda_v the transpose runs the forward updates, with signs turned, backwards."""
        fields, (of_gradient, of_divergence), sums = dict(adjoint.fields), adjoint.memory, adjoint.gradient
        fields["p"] = self.filled("p", fields["p"])
        collect("p", fields["p"])
        of_divergence, patches = self.of_divergence.unstretch(of_divergence, dict.fromkeys(self.strains.values(), fields["p"]))
        for name, slope_of_p in self.slopes.items():
            slope = self.sum_of([(slope_of_p, fields["p"], None)], patches)
            fields[name] = self.filled(name, fields[name] + coefficients[name] * slope)
            collect(name, fields[name])
        if before is not None:
            sums = self._correlate(sums, fields, before, after, of_gradient.clock)
        of_gradient, patches = self.of_gradient.unstretch(of_gradient, {of: fields[n] for n, of in self.slopes.items()})
        divergence = self._divergence(fields, patches)
        for name in self.velocities:
            fields[name] = self.damped(fields[name])
        fields["p"] = self.damped(fields["p"]) + coefficients["p"] * divergence
        return AdjointState(fields, (of_gradient, of_divergence), sums)

    def _correlate(self, gradient: PyTree, adjoint: dict[str, Array], before: PyTree, after: PyTree, clock: Array) -> PyTree:
        """Add to the running sums the adjoint times the forward step without its coefficients."""
        sums, parts = gradient
        (p_before, _), (p_after, slopes_after) = before, after
        sums = sums | {"p": sums["p"] + adjoint["p"] * (p_after - self.damped(p_before))}
        p_before = stored(clock, lambda p: p, p_before)  # its differences, taken within a history, are slow
        for name, of in self.slopes.items():
            sums[name] = sums[name] - adjoint[name] * self.sum_of([(of, p_before, None)], {})
        # The layers' part is summed in strips of its own: placed in the large sums it would double the sweep's time.
        along = dict(zip(self.extended.axes, self.velocities, strict=True))
        strips = zip(self.of_gradient.strips, parts, slopes_after, strict=True)
        return sums, tuple(part - s.cut(adjoint[along[s.axis]], self.extended) * m for s, part, m in strips)

    def gradient(self, coefficients: dict[str, Array], adjoint: AdjointState, injected: Any) -> dict[str, Array]:
        """Lambda times the update without its coefficient.

        The pressure's update includes its sources; the velocities', recomputed from the gradient of p, does not: `injected` adds
        theirs.
        """
        sums, parts = jax.tree.map(lambda total: total.sum(0, keepdims=True), adjoint.gradient)
        k = coefficients["p"]
        cotangents = {"p": divide(sums["p"], k**2)}
        for name, axis in self._along():
            b = coefficients[name]
            along = zip(self.of_gradient.strips, parts, strict=True)
            placed = (s.place(part, self.extended) for s, part in along if s.axis == axis)
            total = sum(placed, start=sums[name] + injected(name, b))
            cotangents[name] = divide(total, b)
        return cotangents

    def _divergence(self, fields: dict[str, Array], patches: Patches) -> Array:
        return self.sum_of([(of, fields[of.field], None) for of in self.strains.values()], patches)

    def _along(self) -> list[tuple[str, int]]:
        return list(zip(self.velocities, self.extended.axes, strict=True))


def _velocities(axes: int) -> tuple[str, ...]:
    return tuple(f"v{letter}" for letter in letters(axes))
