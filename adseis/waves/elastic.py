"""Elastic waves on a staggered grid: P-SV in 2D, all of them in 3D; solids, fluids, a free surface on top of either."""

import copy
import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from adseis.experiment.grid import Grid
from adseis.experiment.medium import ElasticMedium, letters
from adseis.experiment.moduli import arithmetic_mean, harmonic_mean
from adseis.experiment.sources import VOLUME, Kind
from adseis.experiment.survey import Survey
from adseis.signals import divide
from adseis.timeloop.adjoints import Adjoint, ReverseSweep
from adseis.timeloop.equation import AdjointState, Collect, Inject, Probe, State
from adseis.timeloop.fusion import stored
from adseis.waves.boundary import Boundary, Extended, Patch, Strip
from adseis.waves.cpml import CPML, Derivative, FirstOrder, Patches
from adseis.waves.elastic_sums import OfAll, OfLambda, Sums
from adseis.waves.free_surface import closures_of
from adseis.waves.options import Options, check_experiment
from adseis.waves.records import Quantity, Recordable, RecordTerm, slope
from adseis.waves.simulation import simulate
from adseis.waves.wave_equation import Field, WaveEquation


def simulate_elastic(
    medium: ElasticMedium,
    survey: Survey,
    grid: Grid,
    *,
    boundary: Boundary = CPML(),  # noqa: B008 - an immutable setting
    free_surface: bool = False,
    order: int = 4,
    record: Recordable | tuple[Recordable, ...] | None = None,
    adjoint: Adjoint = ReverseSweep(),  # noqa: B008
    probe: Probe | None = None,
    probe_every: int = 1,
) -> Any:
    r"""Particle velocity and stress of an elastic medium, recorded at the receivers of every shot.

    Solves, on a staggered grid (Virieux 1986; Levander 1988),

        rho v_t = div sigma + d f(t) delta(x - xs),    sigma_t = C : grad v - M r(t) delta(x - xs),
        C : e = lambda tr(e) I + 2 mu e,    mu = rho vs^2,    lambda = rho vp^2 - 2 mu.

    Between nodes the density is an arithmetic and mu a harmonic mean (Moczo et al. 2002), so that a fluid (vs = 0) may touch a
    solid anywhere.

    Warning:
        Sample k of every record is at t = k dt, velocities included: the half steps at which the scheme computes them are
        averaged at the receivers. Do not shift traces by dt / 2. Stress is positive in tension, "p" in compression; z and vz
        point down.

    Args:
        medium: P- and S-wave speed [m/s] and density [kg/m^3] on the grid nodes.
        survey: Sources (`Explosion`, `PlaneWave`: volume injection rates q [m^3/s; m^2/s in 2D], which inject the moment rate
            rho vp^2 q I; `Force`: f [N; N/m in 2D]; `MomentTensor`, `FiniteFault`: M r [N m/s; N/s in 2D]) and receiver positions
            [m].
        grid: Space-time sampling (static).
        boundary: What surrounds the model: `CPML`, `Sponge` or `Rigid`.
        free_surface: Whether the top face bears no traction.
        order: Spatial accuracy: 2, 4, 6 or 8 (at the surface: 1, 2, 2, 2, which the interior sees as one order more).
        record: A name or a tuple of names: velocities "vz", "vy" (3D), "vx" (all of them by default); displacements "uz", ...;
            stresses "szz", "szx", ...; "p", minus the mean of the normal stresses; "divergence" and "curl" of the velocity
            ("curl_z", "curl_y", "curl_x" in 3D); or an `ads.Fibre`.
        adjoint: `ReverseSweep()`, the fast exact gradient, or `AutoDiff()`, plain JAX differentiation (jvp, any order).
        probe: A function of the dict of fields, each `(shot, *grid)` (half a cell beyond the nodes along the axis of a velocity,
            and along both axes of a shear stress), called at t = 0, k dt, 2 k dt, ...; differentiable. Velocities are computed at
            half steps: it sees the mean of the two around its instant, as receivers do.
        probe_every: The k of `probe`.

    Returns:
        Velocities [m/s], displacements [m], stresses [Pa], rates [1/s] at t = k dt, `(shot, time, receiver)`: one for a name,
        else a tuple; with a `probe`, that and the stacked values of the probe.

    Raises:
        ValueError: If shapes disagree, an option is unknown, or a known value is out of range.
        TypeError: If a source is not one that the equation takes.
        RuntimeError: If a parameter is out of range, vp breaks the CFL limit, or a position is off the grid (also under `jit`).

    References:
        Virieux, J. (1986), Geophysics 51, 889-901, doi:10.1190/1.1442147
        Levander, A. R. (1988), Geophysics 53, 1425-1436, doi:10.1190/1.1442422
        Moczo, P. et al. (2002), Bull. Seism. Soc. Am. 92, 3042-3066, doi:10.1785/0120010167

    Example:
        >>> grid = ads.Grid((12, 14), 10.0, 1e-3, 20)
        >>> survey = ads.Survey(ads.Force([[[50.0, 60.0]]], np.hanning(20), [[[1.0, 0.0]]]), [[20.0, 30.0], [20.0, 90.0]])
        >>> rock = ads.ElasticMedium(*(np.full(grid.shape, x) for x in (2500.0, 1400.0, 2100.0)))
        >>> vz, vx = ads.simulate_elastic(rock, survey, grid, boundary=ads.Rigid())
        >>> vz.shape
        (1, 20, 2)
    """
    check_experiment(Elastic, medium, survey, grid)
    record = tuple(f"v{letter}" for letter in letters(len(grid.shape))) if record is None else record
    options = Options(
        boundary=boundary,
        free_surface=free_surface,
        order=order,
        record=record,
        adjoint=adjoint,
        probe=probe,
        probe_every=probe_every,
    )
    return simulate(Elastic, medium, survey, grid, options)


ALONG_Z = Kind("moment", "zz")


class Coupling(NamedTuple):
    """Two derivatives that belong together: that of stress km along m drives velocity k, whose own along m drives the stress.

    Attributes:
        velocity: Name of the velocity.
        stress: Name of the stress.
        of_stress: Its derivative, where the velocity lives.
        of_velocity: That of the velocity, where the stress lives.
    """

    velocity: str
    stress: str
    of_stress: Derivative
    of_velocity: Derivative


class Elastic(WaveEquation):
    """v' = v + b (div s + f), then s' = s + lambda tr(e) I + 2 mu e - M r, e = sym grad v', b = dt / rho.

    With the adjoints V of a velocity times its b, and S of a stress, a reverse step is the forward one:
    T = lambda tr(S) I + 2 mu S, V' = V - b div T, S' = S - grad V'.
    T is found anew at every step, since S cannot be found from it in a fluid.
    """

    name = "elastic"
    medium = ElasticMedium

    def __init__(self, extended: Extended, boundary: Boundary) -> None:
        boundary = boundary.for_solids()
        super().__init__(extended, boundary)
        axes = letters(len(extended.core))
        self.velocities = tuple(f"v{k}" for k in axes)
        self.normal = tuple(f"s{k}{k}" for k in axes)
        self.shear = tuple(f"s{k}{m}" for k, m in itertools.combinations(axes, 2))
        self.couplings: list[Coupling] = []
        for (i, k), (j, m) in itertools.product(enumerate(axes), repeat=2):
            velocity, stress = f"v{k}", f"s{axes[min(i, j)]}{axes[max(i, j)]}"
            of_stress, of_velocity = Derivative(stress, j + 1, forward=k == m), Derivative(velocity, j + 1, forward=k != m)
            self.couplings.append(Coupling(velocity, stress, of_stress, of_velocity))
        duals = {c.of_stress: c.of_velocity for c in self.couplings}
        self.of_stress = FirstOrder(boundary, duals, self.stencils, extended)
        self.of_velocity = FirstOrder(boundary, {v: s for s, v in duals.items()}, self.stencils, extended)
        self.sums: Sums = OfAll(self)

    @classmethod
    def fields(cls, axes: int) -> dict[str, Field]:
        """Normal stresses on the nodes, velocities half a cell and half a step off, shear stresses half a cell along two axes."""
        names = letters(axes)
        fields = {}
        for k in range(axes):
            force = (Kind("force", names[k]),)
            fields[f"v{names[k]}"] = Field(_half(axes, k), None, injected=0.0, recorded=0.5, sources=force)
        for k in range(axes):
            sources = (VOLUME, Kind("moment", names[k] * 2)) + (ALONG_Z,) * (k > 0)  # on a free surface alone
            fields[f"s{names[k] * 2}"] = Field(_half(axes), None, injected=0.5, recorded=1.0, sources=sources, along=(k + 1,))
        for k, m in itertools.combinations(range(axes), 2):
            both = names[k] + names[m]
            sources = (Kind("moment", both),)
            fields[f"s{both}"] = Field(_half(axes, k, m), None, injected=0.5, recorded=1.0, sources=sources, along=(k + 1, m + 1))
        return fields

    @classmethod
    def compressions(cls, axes: int) -> tuple[str, ...]:
        """The normal stresses."""
        return tuple(f"s{k}{k}" for k in letters(axes))

    @classmethod
    def quantities(cls, grid: Grid, order: int) -> dict[str, Quantity]:
        """Fields, displacements, pressure, divergence and curl."""
        names = letters(len(grid.shape))
        of = lambda k, m, sign=1.0: slope(f"v{k}", names.index(m), grid.spacing, order, sign)  # noqa: E731
        curls = {"curl_z": ("y", "x"), "curl_y": ("x", "z"), "curl_x": ("z", "y")} if len(names) == 3 else {"curl": ("x", "z")}
        quantities = super().quantities(grid, order)
        quantities |= {f"s{m}{k}": quantities[f"s{k}{m}"] for k, m in itertools.combinations(names, 2)}
        quantities["p"] = Quantity(tuple(RecordTerm(f"s{k}{k}", -1 / len(names)) for k in names))
        quantities["divergence"] = Quantity(tuple(itertools.chain(*(of(k, k) for k in names))))
        return quantities | {name: Quantity(of(k, m) + of(m, k, -1.0)) for name, (k, m) in curls.items()}

    def coefficients(self, medium: ElasticMedium) -> dict[str, Array]:
        """lambda dt and 2 mu dt on the nodes, mu dt for each shear stress, b for each velocity: `(1, *haloed)`.

        They are zero in the halo. On a free surface, szz being 0, lambda is that of plane stress: 2 mu lambda / (lambda + 2 mu).
        """
        dt = self.extended.grid.dt
        vp, vs, rho = (self.extended.extend(x) for x in (medium.vp, medium.vs, medium.rho))
        mu, stiffness = rho * vs**2, rho * vp**2
        lam = stiffness - 2 * mu
        if self.extended.free_surface:
            lam = lam.at[0].multiply(2 * mu[0] / stiffness[0])
        coefficients = {"lambda": dt * lam, "2mu": 2 * dt * mu}
        for name in self.shear:
            coefficients[name] = dt * harmonic_mean(mu, *_axes_of(self, name))
        for name in self.velocities:
            coefficients[name] = dt / arithmetic_mean(rho, *_axes_of(self, name))
        return self.on_halo(coefficients)

    def injection_gain(self, coefficients: dict[str, Array]) -> dict[str, Array]:
        """Forces are multiplied by b; on a free surface, whose cells are cut, everything is divided by the length of its row."""
        gain = {name: coefficients[name] for name in self.velocities}
        if not self.extended.free_surface:
            return gain
        for name in (*self.velocities, *self.normal, *self.shear):
            one = gain.get(name, jnp.ones_like(coefficients["lambda"]))
            gain[name] = one / jnp.asarray(self._row_length(name), one.dtype)
        gain["szz"] = gain["szz"] * self._submerged(gain["szz"])
        return gain

    def source_gain(self, kind: Kind, field: str, coefficients: dict[str, Array]) -> Array | float:
        """A volume injection rate is a moment rate rho vp^2 I, and moments are relieved stress.

        On a free surface, where szz stays zero, a moment along z relieves horizontal stress, as plane stress has it.
        """
        dt, surface = self.extended.grid.dt, self.extended.free_surface
        lam, shear = coefficients["lambda"], coefficients["2mu"]
        below = self._submerged(lam) if surface else 1
        if kind == VOLUME:
            return -(below * lam + shear)
        if kind == ALONG_Z and field != "szz":
            return (1 - below) * dt * divide(lam, shear, 1) if surface else 0.0
        return -dt if kind.what == "moment" else 1.0

    def initial_state(self, shots: int, dtype: jnp.dtype) -> State:
        """Rest."""
        zero = self.extended.zeros(shots, dtype)
        memory = self.of_stress.rest(shots, dtype), self.of_velocity.rest(shots, dtype)
        return State(dict.fromkeys((*self.velocities, *self.normal, *self.shear), zero), memory)

    def step(self, coefficients: dict[str, Array], state: State, inject: Inject) -> State:
        """Velocities by half a step, then stresses."""
        c, fields, (of_stress, of_velocity) = coefficients, dict(state.fields), state.memory
        of_stress, patches = self.of_stress.stretch(of_stress, fields)
        for name in self.velocities:
            force = self._force(name, fields, patches)
            fields[name] = self.filled(name, inject(name, self.damped(fields[name]) + c[name] * force))
        of_velocity, patches = self.of_velocity.stretch(of_velocity, fields)
        strains = [(pair.stress, (pair.of_velocity, fields[pair.velocity])) for pair in self.couplings]
        for name in self.normal:
            terms = [(*of, c["lambda"] + c["2mu"] if s == name else c["lambda"]) for s, of in strains if s in self.normal]
            stress = self.sum_of(terms, patches)
            if name == "szz" and self.extended.free_surface:
                stress = stress * self._submerged(stress)
            fields[name] = self.filled(name, inject(name, self.damped(fields[name]) + stress))
        for name in self.shear:
            strain = self.sum_of([(*of, None) for s, of in strains if s == name], patches)
            fields[name] = self.filled(name, inject(name, self.damped(fields[name]) + c[name] * strain))
        return State(fields, (of_stress, of_velocity))

    def sparing(self, perturbed: dict[str, bool]) -> "Elastic":
        """By vp alone, which is by lambda alone, one field is remembered."""
        if [name for name, asked in perturbed.items() if asked] != ["lambda"]:
            return self
        other = copy.copy(self)
        other.sums = OfLambda(self)
        return other

    def remember(self, state: State) -> PyTree:
        """What the running sums will ask for."""
        return self.sums.remember(state)

    def initial_adjoint(self, shots: int, dtype: jnp.dtype) -> AdjointState:
        """Rest."""
        zero = self.extended.zeros(shots, dtype)
        memory = self.of_stress.rest_transposed(shots, dtype), self.of_velocity.rest_transposed(shots, dtype)
        fields = dict.fromkeys((*self.velocities, *self.normal, *self.shear), zero)
        return AdjointState(fields, memory, self.sums.rest(zero, self.of_velocity.rest(shots, dtype).strips))

    def reverse_step(
        self, coefficients: dict[str, Array], adjoint: AdjointState, before: PyTree, after: PyTree, collect: Collect
    ) -> AdjointState:
        """The forward updates, with signs turned, backwards."""
        c, fields, (of_stress, of_velocity), sums = coefficients, dict(adjoint.fields), adjoint.memory, adjoint.gradient
        for name in (*self.normal, *self.shear):
            collect(name, fields[name])
        stresses = {name: fields[name] for name in (*self.normal, *self.shear)}
        scaled = stored(of_velocity.clock, self._scaled, stresses, {k: c[k] for k in ("lambda", "2mu", *self.shear)})
        scaled = {name: self.filled(name, s) for name, s in scaled.items()}
        of_velocity, patches = self.of_velocity.unstretch(
            of_velocity, {pair.of_velocity: scaled[pair.stress] for pair in self.couplings}
        )
        for name in self.velocities:
            fields[name] = self.filled(name, fields[name] - c[name] * self._force(name, scaled, patches))
            collect(name, fields[name])
        if before is not None:
            sums = self.sums.add(sums, fields, before, after, of_stress.clock)
        of_stress, patches = self.of_stress.unstretch(
            of_stress, {pair.of_stress: fields[pair.velocity] for pair in self.couplings}
        )
        for name in (*self.normal, *self.shear):
            fields[name] = self.damped(fields[name]) - self.strain(name, fields, patches)
        for name in self.velocities:
            fields[name] = self.damped(fields[name])
        return AdjointState(fields, (of_stress, of_velocity), sums)

    def gradient(self, coefficients: dict[str, Array], adjoint: AdjointState, injected: Any) -> dict[str, Array]:
        """Adjoint times the update without its coefficient; sources are part of the velocities' updates."""
        del injected
        found = self.sums.cotangents(jax.tree.map(lambda total: total.sum(0, keepdims=True), adjoint.gradient), coefficients)
        if self.extended.free_surface:
            found = {name: g * jnp.asarray(self._row_length(name), g.dtype) for name, g in found.items()}
        return jax.tree.map(jnp.zeros_like, coefficients) | found

    def _force(self, velocity: str, stresses: dict[str, Array], patches: Patches) -> Array:
        """div s, where a velocity lives."""
        terms = [(pair.of_stress, stresses[pair.stress], None) for pair in self.couplings if pair.velocity == velocity]
        return self.sum_of(terms, patches)

    def strain(self, stress: str, velocities: dict[str, Array], patches: Patches) -> Array:
        """The strain rate that a stress belongs to; for shear, twice the tensor's."""
        terms = [(pair.of_velocity, velocities[pair.velocity], None) for pair in self.couplings if pair.stress == stress]
        return self.sum_of(terms, patches)

    def _scaled(self, stresses: dict[str, Array], c: dict[str, Array]) -> dict[str, Array]:
        """lambda tr(s) I + 2 mu s."""
        trace = sum(stresses[name] for name in self.normal)
        scaled = {name: c["lambda"] * trace + c["2mu"] * stresses[name] for name in self.normal}
        return scaled | {name: c[name] * stresses[name] for name in self.shear}

    def closure(self, of: Derivative, field: Array) -> list[Patch]:
        """What makes the first rows of a derivative along z one-sided."""
        if of.axis != 1 or not self.extended.free_surface:
            return []
        near, direction = closures_of(self.extended.order), "forward" if of.forward else "backward"
        name = direction if of.field in self.velocities else f"{direction}_traction"
        block = getattr(near, name) / self.extended.grid.spacing[0]
        rows, columns = block.shape
        first = field[:, self.extended.halo : self.extended.halo + columns]
        zero = jnp.zeros_like(first[:, 0])
        values = jnp.stack([sum((float(w) * first[:, k] for k, w in enumerate(row) if w), start=zero) for row in block], 1)
        return [Patch(Strip(1, 0, np.zeros(rows), np.zeros(rows)), values)]

    def _row_length(self, name: str) -> np.ndarray:
        """H of the closures, where a field or coefficient lives: `(1, haloed z, 1, ...)`."""
        near, kinds = closures_of(self.extended.order), self.fields(len(self.extended.core))
        first = near.between if name in kinds and kinds[name].stagger[0] else near.on_nodes
        length = np.ones(self.extended.haloed[0])
        length[self.extended.halo : self.extended.halo + len(first)] = first
        return length.reshape(1, -1, *[1] * (len(self.extended.core) - 1))

    def _submerged(self, like: Array) -> Array:
        """0 on the surface, 1 below."""
        below = np.ones((1, self.extended.haloed[0], *[1] * (like.ndim - 2)))
        below[:, : self.extended.halo + 1] = 0
        return jnp.asarray(below, like.dtype)

    def stress_of(self, of: Derivative) -> str:
        """The stress that a derivative of a velocity drives."""
        return next(pair.stress for pair in self.couplings if pair.of_velocity == of)


def _axes_of(equation: Elastic, name: str) -> tuple[int, ...]:
    """The axes, 0 for z, along which a field lies half a cell beyond the nodes."""
    stagger = equation.fields(len(equation.extended.core))[name].stagger
    return tuple(i for i, s in enumerate(stagger) if s)


def _half(axes: int, *along: int) -> tuple[float, ...]:
    return tuple(0.5 * (i in along) for i in range(axes))
