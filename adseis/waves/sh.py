"""SH waves: antiplane motion of an elastic solid, 2D. What a new equation takes: fields, coefficients, a step, a reverse step."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from adseis.experiment.grid import Grid
from adseis.experiment.medium import ElasticMedium
from adseis.experiment.moduli import harmonic_mean
from adseis.experiment.sources import Kind
from adseis.experiment.survey import Survey
from adseis.signals import divide
from adseis.timeloop.adjoints import Adjoint, ReverseSweep
from adseis.timeloop.equation import AdjointState, Collect, Inject, Probe, State
from adseis.timeloop.fusion import stored
from adseis.waves.boundary import Boundary, Extended
from adseis.waves.cpml import CPML, Derivative, FirstOrder, Patches
from adseis.waves.options import Options, check_experiment
from adseis.waves.records import Recordable
from adseis.waves.simulation import simulate
from adseis.waves.wave_equation import Field, WaveEquation


def simulate_sh(
    medium: ElasticMedium,
    survey: Survey,
    grid: Grid,
    *,
    boundary: Boundary = CPML(),  # noqa: B008 - an immutable setting
    free_surface: bool = False,
    order: int = 4,
    record: Recordable | tuple[Recordable, ...] = "vy",
    adjoint: Adjoint = ReverseSweep(),  # noqa: B008
    probe: Probe | None = None,
    probe_every: int = 1,
) -> Any:
    r"""Particle velocity across the plane of a 2D elastic medium, recorded at the receivers of every shot.

    Solves, on a staggered grid,

        rho vy_t = d(szy)/dz + d(syx)/dx + f(t) delta(x - xs),    szy_t = mu d(vy)/dz,    syx_t = mu d(vy)/dx,    mu = rho vs^2.

    Warning:
        The direction of a source has three components here, (z, y, x), of which y, out of the plane, is the second.

    Args:
        medium: S-wave speed [m/s] and density [kg/m^3] on the grid nodes (vp plays no part).
        survey: `Force` sources whose direction has three components (z, y, x), of which only y acts [N/m], and receivers [m].
        grid: Space-time sampling, 2D (static).
        boundary: What surrounds the model: `CPML`, `Sponge` or `Rigid`.
        free_surface: Whether the top face bears no traction.
        order: Spatial accuracy: 2, 4, 6 or 8.
        record: "vy", the displacement "uy", "szy", "syx", or a tuple of them.
        adjoint: `ReverseSweep()`, the fast exact gradient, or `AutoDiff()`, plain JAX differentiation (jvp, any order).
        probe: A function of the dict of fields, each `(shot, *grid)`, called at t = 0, k dt, 2 k dt, ...; differentiable.
        probe_every: The k of `probe`.

    Returns:
        Velocity [m/s], displacement [m] or stress [Pa] at t = k dt, `(shot, time, receiver)`, a tuple of them if `record` is one;
        with a `probe`, that and the stacked values of the probe.

    Raises:
        ValueError: If the grid is not 2D, shapes disagree, an option is unknown, or a known value is out of range.
        TypeError: If a source is not one that the equation takes.
        RuntimeError: If a parameter is out of range, vs breaks the CFL limit, or a position is off the grid (also under `jit`).

    References:
        Virieux, J. (1984), Geophysics 49, 1933-1942, doi:10.1190/1.1441605

    Example:
        >>> grid = ads.Grid((12, 14), 10.0, 1e-3, 20)
        >>> source = ads.Force([[[50.0, 60.0]]], np.hanning(20), [[[0.0, 1.0, 0.0]]])  # (z, y, x): y alone
        >>> rock = ads.ElasticMedium(*(np.full(grid.shape, x) for x in (2500.0, 1400.0, 2100.0)))
        >>> ads.simulate_sh(rock, ads.Survey(source, [[20.0, 30.0]]), grid).shape
        (1, 20, 1)
    """
    check_experiment(AntiplaneShear, medium, survey, grid)
    if len(grid.shape) != 2:
        raise ValueError(f"`grid.shape` = {grid.shape}: SH waves are waves of a 2D grid; in 3D use ads.simulate_elastic.")
    options = Options(
        boundary=boundary,
        free_surface=free_surface,
        order=order,
        record=record,
        adjoint=adjoint,
        probe=probe,
        probe_every=probe_every,
    )
    return simulate(AntiplaneShear, medium, survey, grid, options)


class AntiplaneShear(WaveEquation):
    """v' = v + b (div s + f), then s' = s + m grad v', b = dt / rho on the nodes and m = mu dt halfway between them.

    With the adjoints V of the velocity times b and S of the stresses times m a reverse step is the forward one:
    V' = V - b div S, S' = S - m grad V'.
    """

    name = "SH"
    medium = ElasticMedium
    speed = "vs"

    def __init__(self, extended: Extended, boundary: Boundary) -> None:
        boundary = boundary.for_solids()
        super().__init__(extended, boundary)
        self.slopes = {"szy": Derivative("vy", 1, forward=True), "syx": Derivative("vy", 2, forward=True)}
        self.tractions = {"szy": Derivative("szy", 1, forward=False), "syx": Derivative("syx", 2, forward=False)}
        slopes, tractions = self.slopes.values(), self.tractions.values()
        self.of_velocity = FirstOrder(boundary, dict(zip(slopes, tractions, strict=True)), self.stencils, extended)
        self.of_stress = FirstOrder(boundary, dict(zip(tractions, slopes, strict=True)), self.stencils, extended)

    @classmethod
    def fields(cls, axes: int) -> dict[str, Field]:
        """Velocity on the nodes and at half steps, even above a free surface; stresses half a cell off."""
        del axes
        return {
            "vy": Field((0.0, 0.0), 1, injected=0.0, recorded=0.5, sources=(Kind("force", "y"),)),
            "szy": Field((0.5, 0.0), -1, injected=0.5, recorded=1.0, sources=(), along=(1,)),
            "syx": Field((0.0, 0.5), 1, injected=0.5, recorded=1.0, sources=(), along=(2,)),
        }

    def coefficients(self, medium: ElasticMedium) -> dict[str, Array]:
        """b and both m, `(1, *haloed)`, zero in the halo."""
        dt = self.extended.grid.dt
        vs, rho = (self.extended.extend(x) for x in (medium.vs, medium.rho))
        mu = rho * vs**2
        coefficients = {"vy": dt / rho, "szy": dt * harmonic_mean(mu, 0), "syx": dt * harmonic_mean(mu, 1)}
        return self.on_halo(coefficients)

    def injection_gain(self, coefficients: dict[str, Array]) -> dict[str, Array]:
        """Forces are multiplied by b, and by 2 on a free surface, whose cells are halves."""
        if not self.extended.free_surface:
            return coefficients
        row = self.extended.halo
        return {name: c if name == "szy" else c.at[:, row].multiply(2) for name, c in coefficients.items()}

    def initial_state(self, shots: int, dtype: jnp.dtype) -> State:
        """Rest."""
        memory = self.of_stress.rest(shots, dtype), self.of_velocity.rest(shots, dtype)
        return State(dict.fromkeys(("vy", *self.slopes), self.extended.zeros(shots, dtype)), memory)

    def step(self, coefficients: dict[str, Array], state: State, inject: Inject) -> State:
        """Velocity by half a step, then stresses."""
        c, fields, (of_stress, of_velocity) = coefficients, dict(state.fields), state.memory
        of_stress, patches = self.of_stress.stretch(of_stress, fields)
        v = inject("vy", self.damped(fields["vy"]) + c["vy"] * self._divergence(fields, patches))
        fields["vy"] = self.filled("vy", v)
        of_velocity, patches = self.of_velocity.stretch(of_velocity, fields)
        for name, of in self.slopes.items():
            slope = self.sum_of([(of, fields["vy"], None)], patches)
            fields[name] = self.filled(name, inject(name, self.damped(fields[name]) + c[name] * slope))
        return State(fields, (of_stress, of_velocity))

    def remember(self, state: State) -> PyTree:
        """Velocity, and the layers' memory of its gradient."""
        return state.fields["vy"], state.memory[1].strips

    def initial_adjoint(self, shots: int, dtype: jnp.dtype) -> AdjointState:
        """Rest."""
        memory = self.of_stress.rest_transposed(shots, dtype), self.of_velocity.rest_transposed(shots, dtype)
        fields = dict.fromkeys(("vy", *self.slopes), self.extended.zeros(shots, dtype))
        return AdjointState(fields, memory, (dict(fields), self.of_velocity.rest(shots, dtype).strips))

    def reverse_step(
        self, coefficients: dict[str, Array], adjoint: AdjointState, before: PyTree, after: PyTree, collect: Collect
    ) -> AdjointState:
        """The forward updates, with signs turned, backwards."""
        c, fields, (of_stress, of_velocity), sums = coefficients, dict(adjoint.fields), adjoint.memory, adjoint.gradient
        for name in self.slopes:
            collect(name, fields[name])
            fields[name] = self.filled(name, fields[name])
        of_velocity, patches = self.of_velocity.unstretch(of_velocity, {of: fields[n] for n, of in self.slopes.items()})
        fields["vy"] = self.filled("vy", fields["vy"] - c["vy"] * self._divergence(fields, patches))
        collect("vy", fields["vy"])
        if before is not None:
            sums = self._correlate(sums, fields, before, after, of_stress.clock)
        of_stress, patches = self.of_stress.unstretch(of_stress, dict.fromkeys(self.tractions.values(), fields["vy"]))
        for name, of in self.slopes.items():
            fields[name] = self.damped(fields[name]) - c[name] * self.sum_of([(of, fields["vy"], None)], patches)
        fields["vy"] = self.damped(fields["vy"])
        return AdjointState(fields, (of_stress, of_velocity), sums)

    def _correlate(self, gradient: PyTree, adjoint: dict[str, Array], before: PyTree, after: PyTree, clock: Array) -> PyTree:
        """Add to the running sums the adjoint times the forward step without its coefficients."""
        sums, parts = dict(gradient[0]), gradient[1]
        (v_before, _), (v_after, memory) = before, after
        sums["vy"] = sums["vy"] + adjoint["vy"] * (v_after - self.damped(v_before))
        v_after = stored(clock, lambda v: v, v_after)  # its differences, taken within a history, are slow
        for name, of in self.slopes.items():
            sums[name] = sums[name] + adjoint[name] * self.sum_of([(of, v_after, None)], {})
        stress = {of: name for name, of in self.slopes.items()}
        strips = zip(self.of_velocity.of, self.of_velocity.strips, parts, memory, strict=True)
        return sums, tuple(p + s.cut(adjoint[stress[of]], self.extended) * m for of, s, p, m in strips)

    def gradient(self, coefficients: dict[str, Array], adjoint: AdjointState, injected: Any) -> dict[str, Array]:
        """Adjoint times the update without its coefficient; forces are part of the velocity's."""
        del injected
        sums, parts = jax.tree.map(lambda total: total.sum(0, keepdims=True), adjoint.gradient)
        sums = dict(sums)
        stress = {of: name for name, of in self.slopes.items()}
        for of, strip, part in zip(self.of_velocity.of, self.of_velocity.strips, parts, strict=True):
            sums[stress[of]] = sums[stress[of]] + strip.place(part, self.extended)
        sums["vy"] = divide(sums["vy"], coefficients["vy"])
        if self.extended.free_surface:
            half = np.ones((1, self.extended.haloed[0], 1))
            half[:, self.extended.halo] = 0.5
            sums |= {name: sums[name] * jnp.asarray(half, sums[name].dtype) for name in ("vy", "syx")}
        return {name: divide(sums[name], c) for name, c in coefficients.items()}

    def _divergence(self, stresses: dict[str, Array], patches: Patches) -> Array:
        return self.sum_of([(of, stresses[name], None) for name, of in self.tractions.items()], patches)
