"""The scalar wave equation, 2D and 3D: constant density, one field, second order in time."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from adseis.experiment.grid import Grid
from adseis.experiment.medium import ScalarMedium
from adseis.experiment.sources import VOLUME
from adseis.experiment.survey import Survey
from adseis.signals import divide
from adseis.timeloop.adjoints import Adjoint, ReverseSweep
from adseis.timeloop.equation import AdjointState, Collect, Inject, Probe, State
from adseis.waves.boundary import Boundary, Extended, Patch
from adseis.waves.cpml import CPML, SecondOrder
from adseis.waves.options import Options
from adseis.waves.records import Recordable
from adseis.waves.simulation import simulate
from adseis.waves.stencils import difference, pad
from adseis.waves.wave_equation import Field, WaveEquation


def simulate_scalar(
    medium: ScalarMedium,
    survey: Survey,
    grid: Grid,
    *,
    boundary: Boundary = CPML(),  # noqa: B008 - an immutable setting
    free_surface: bool = False,
    order: int = 4,
    record: Recordable | tuple[Recordable, ...] = "u",
    adjoint: Adjoint = ReverseSweep(),  # noqa: B008
    probe: Probe | None = None,
    probe_every: int = 1,
) -> Any:
    r"""Scalar waves of constant density, recorded at the receivers of every shot.

    Solves, second order in time,

        (1/vp^2) u_tt - laplacian(u) = s(t) delta(x - xs).

    Args:
        medium: Wave speed [m/s] on the grid nodes.
        survey: `Explosion` or `PlaneWave` sources s and receiver positions [m].
        grid: Space-time sampling (static).
        boundary: What surrounds the model: `CPML`, `Sponge` or `Rigid`.
        free_surface: Whether u = 0 at the top face.
        order: Spatial accuracy: 2, 4, 6 or 8.
        record: The field to record: "u", or ("u",) for a tuple of one gather.
        adjoint: `ReverseSweep()`, the fast exact gradient, or `AutoDiff()`, plain JAX differentiation (jvp, any order).
        probe: A function of the dict of fields, each `(shot, *grid)`, called at t = 0, k dt, 2 k dt, ...; differentiable.
        probe_every: The k of `probe`.

    Returns:
        u at t = k dt, `(shot, time, receiver)`; with a `probe`, that and the stacked values of the probe.

    Raises:
        ValueError: If shapes disagree, an option is unknown, or a known value is out of range.
        TypeError: If a source is not one that the equation takes.
        RuntimeError: If vp is not positive or breaks the CFL limit, or a position is off the grid (also under `jit`).

    References:
        Dablain, M. A. (1986), Geophysics 51, 54-66, doi:10.1190/1.1442040
        Layers: Pasalic, D. & McGarry, R. (2010), SEG Expanded Abstracts 29, 2925-2929, doi:10.1190/1.3513453

    Example:
        >>> grid = ads.Grid((12, 14), 10.0, 1e-3, 20)  # 12 rows (z), 14 columns (x)
        >>> survey = ads.Survey(ads.Explosion([[[50.0, 60.0]]], np.hanning(20)), [[20.0, 30.0], [20.0, 90.0]])
        >>> ads.simulate_scalar(ads.ScalarMedium(np.full(grid.shape, 2000.0)), survey, grid).shape  # (shot, time, receiver)
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
    return simulate(Scalar, medium, survey, grid, options)


class Scalar(WaveEquation):
    """u' = 2 u - u_before + (vp dt)^2 (laplacian(u) + s), the layers' corrections in the Laplacian."""

    name = "scalar"
    medium = ScalarMedium
    staggered = False
    unroll = 2

    def __init__(self, extended: Extended, boundary: Boundary) -> None:
        super().__init__(extended, boundary)
        self.layers = SecondOrder(boundary, self.stencils, extended)

    @classmethod
    def fields(cls, axes: int) -> dict[str, Field]:
        """The one field."""
        return {"u": Field((0.0,) * axes, image=-1, injected=0.0, recorded=1.0, sources=(VOLUME,))}

    @classmethod
    def compressions(cls, axes: int) -> tuple[str, ...]:
        """The one field."""
        del axes
        return ("u",)

    def coefficients(self, medium: ScalarMedium) -> Float[Array, "1 *haloed"]:
        """(vp dt)^2 for all shots, zero in the halo and on a free surface (with damping: over 1 + sigma dt)."""
        c = (self.extended.extend(medium.vp) * self.extended.grid.dt) ** 2
        if self.extended.free_surface:
            c = c.at[0].set(0)
        c = pad(c[None], self.extended.halo)
        return c if self.damping is None else c / jnp.asarray(1 + self.damping, c.dtype)

    def injection_gain(self, coefficients: Array) -> dict[str, Array]:
        """Sources are multiplied by (vp dt)^2."""
        return {"u": coefficients}

    def initial_state(self, shots: int, dtype: jnp.dtype) -> State:
        """Rest; remembered are the field one step ago and the layers' memory."""
        zero = self.extended.zeros(shots, dtype)
        return State({"u": zero}, (zero, self.layers.rest(shots, dtype)))

    def step(self, coefficients: Array, state: State, inject: Inject) -> State:
        """u and the field one step ago become the field one step on and u."""
        u, (before, memory) = state.fields["u"], state.memory
        memory, patches = self.layers.stretch(memory, u)
        after = inject("u", self._advance(coefficients, u, before, patches))
        return State({"u": self.filled("u", after)}, (u, memory))

    def remember(self, state: State) -> Array:
        """u - u_before, two of which make the second difference in time."""
        return state.fields["u"] - state.memory[0]

    def initial_adjoint(self, shots: int, dtype: jnp.dtype) -> AdjointState:
        """Rest."""
        zero = self.extended.zeros(shots, dtype)
        return AdjointState({"u": zero}, (zero, self.layers.rest_transposed(shots, dtype)), zero)

    def reverse_step(
        self, coefficients: Array, adjoint: AdjointState, before: Array | None, after: Array | None, collect: Collect
    ) -> AdjointState:
        """For w = (vp dt)^2 lambda the transpose is the forward step itself, but for the layers' corrections."""
        w, (w_after, memory) = self.filled("u", adjoint.fields["u"]), adjoint.memory
        collect("u", w)
        gradient = adjoint.gradient
        if before is not None and after is not None:
            gradient = gradient + w * (after - self._undamped(before))
        memory, patches = self.layers.unstretch(memory, w)
        w_before = self._advance(coefficients, w, w_after, patches)
        return AdjointState({"u": w_before}, (w, memory), gradient)

    def gradient(self, coefficients: Array, adjoint: AdjointState, injected: Any) -> PyTree:
        """sum_n lambda (u'' of the scheme) / c, with lambda = w / c; sources are part of u''."""
        del injected
        total = adjoint.gradient.sum(0, keepdims=True)
        return divide(total, coefficients**2)

    def _advance(self, c: Array, u: Array, before: Array, patches: list[Patch]) -> Array:
        halo = self.extended.halo
        laplacian: Any = sum(difference(self.stencils[axis - 1].second, u, axis, halo) for axis in self.extended.axes)
        laplacian = sum((patch.placed(self.extended) for patch in patches), start=pad(laplacian, halo))
        if self.damping is None:
            return 2 * u - before + c * laplacian
        inertia = jnp.asarray(2 / (1 + self.damping), u.dtype)
        return before + inertia * (u - before) + c * laplacian

    def _undamped(self, difference_before: Array) -> Array:
        """What u - u_before would become in a step without forces."""
        if self.damping is None:
            return difference_before
        return jnp.asarray((1 - self.damping) / (1 + self.damping), difference_before.dtype) * difference_before
