"""The structure of a ball from seismograms: coefficients of spherical harmonics on levels, by the gradient through the waves.

    min_c  mean over sources of  misfit(F_s(c), d_s) / misfit(0, d_s)  +  regularizer(c),    vp = vp_0 (1 + sum c_lmk h_k(r) Y_lm)

Deep levels are small and seen from afar, and neighbouring levels trade off. The unknowns of the search are therefore mixed
levels, each of which the data see as strongly and by itself, near the start: c = y W with W G W' = 1, G the products of what unit
changes of the levels, each of a random pattern of harmonics, do to the data. That costs a simulation a level and saves half of
the gradients.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh
from jax.typing import ArrayLike
from jaxtyping import Float

from adseis.experiment.checks import Samples
from adseis.inversion.fwi import Fit
from adseis.inversion.multiscale import descend_bands
from adseis.inversion.one_by_one import one_by_one
from adseis.objectives.bands import Band
from adseis.objectives.composite import Composite, relative_objective
from adseis.optimizers.lbfgs import LBFGSB
from adseis.optimizers.path import Result
from adseis.sphere.fluid_ball import simulate_fluid_ball
from adseis.sphere.medium import FluidMedium
from adseis.sphere.mesh import BallMesh
from adseis.sphere.sources import PressureSource, Stations
from adseis.sphere.structure import Positions, perturbation
from adseis.timeloop.adjoints import Adjoint, ReverseSweep

LEVELS = (1.0, 0.8, 0.6, 0.4, 0.2)
"""GlobalTomo's, over the radius."""
SMALL = 2.5e-3
"""A coefficient to which the data answer linearly [1]; a first step is a quarter as long, since all go at once."""
LEAST = 1e-4
"""Of the largest eigenvalue of G: what is seen less counts as seen so much."""


@dataclasses.dataclass(frozen=True, eq=False)
class Structure(Result):
    """A structure that was found: `x` are its coefficients, `(harmonic, level)` [1].

    Attributes:
        radii: Of its levels [m].
        convention: Of its harmonics.
        vp: Of the ball without it [m/s].
        speeds: Slowest and fastest speed of the mesh, at which vp is cut [m/s].
    """

    radii: tuple[float, ...] = ()
    convention: str = "globaltomo"
    vp: float = 1000.0
    speeds: tuple[float, float] = (0.0, np.inf)

    def speed(self, radius: ArrayLike, latitude: ArrayLike, longitude: ArrayLike) -> Array:
        """The P-wave speed that was found, as a `FluidMedium` takes it.

        Args:
            radius: Of points [m].
            latitude: [degrees].
            longitude: [degrees].

        Returns:
            vp [m/s], of the shape of the points.
        """
        return _speed(jnp.asarray(self.x), self.radii, self.convention, self.vp, self.speeds)(radius, latitude, longitude)


@dataclasses.dataclass(frozen=True)
class StructureFit(Fit):
    """What is known of a ball, and how its structure is sought.

    Attributes:
        vp: Of the ball without structure [m/s], within the mesh's speeds.
        rho: Density [kg/m^3].
        initial: Coefficients to start from [1], `(harmonic, level)`; None for zeros.
        record: What is observed, as of `simulate_fluid_ball`.
        convention: Of the harmonics.
        adjoint: How simulations are differentiated.
        devices: A device mesh over which sources are distributed; None for one device.
    """

    vp: float = 1000.0
    rho: float = 1000.0
    initial: Any = None
    record: str | None = None
    convention: str = "globaltomo"
    adjoint: Adjoint = ReverseSweep(memory="1 GB")  # noqa: RUF009 - an immutable setting
    devices: Mesh | None = None


def invert_structure(
    observed: Float[Samples, "source station time"] | Float[Samples, "source station time component"],
    sources: Sequence[PressureSource],
    stations: Stations,
    mesh: BallMesh,
    *,
    degree: int = 4,
    through: str | Callable[[Array], Any] = "solver",
    radii: Sequence[float] | None = None,
    bands: Sequence[Band] = (Band(iterations=30),),
    bounds: tuple[Any, Any] | None = None,
    **options: Any,
) -> Structure:
    r"""Recover the 3D speed of a fluid ball from seismograms by L-BFGS through its waves, band after band.

        min_c  mean over sources of  misfit(F_s(c), d_s) / misfit(0, d_s)  +  regularizer(c)

    The value is 1 for seismograms that predict nothing and 0 for those that explain all. Gradients are exact, and made source by
    source: memory does not grow with their number. Where coefficients together leave the speeds that the mesh was planned for, vp
    is cut there, so that no trial step ends the run.

    Without `bounds` the search sees mixed levels, each of which the data see as strongly (a simulation of the first source for
    each level, beforehand); with them, levels scaled one by one, which takes more gradients.

    Args:
        observed: Seismograms to explain at `mesh.times`, `(source, station, time)`, as `simulate_fluid_ball` records them.
        sources: Where and what, known.
        stations: Where is recorded.
        mesh: Of the simulations.
        degree: L: largest degree of the harmonics sought.
        through: "solver", or any differentiable function from coefficients `(harmonic, level)` to what is observed, such as a
            network that was trained to do so.
        radii: Of the levels [m]; by default GlobalTomo's five, 1, 0.8, 0.6, 0.4 and 0.2 of the radius.
        bands: Low-pass bands in their order; by default one, the full band, for 30 iterations.
        bounds: `(low, high)` of the coefficients, each a number or `(harmonic, level)`.
        options: `vp` (1000 m/s) and `rho` (1000 kg/m^3) of the ball without structure; `initial` coefficients (zeros); `record`,
            what is observed; `convention` of the harmonics; `adjoint` (by default within 1 GB) and `devices`, as of
            `simulate_fluid_ball`; `misfit(predicted, observed)` of `(component, time, station)` (`l2`);
            `regularizer(coefficients)`; `method`, `evaluations`, `first_step`, `journal`, `progress` and `callback` of
            `minimize`: `callback(iteration, coefficients, value)`.

    Returns:
        The structure: `.x`, `.value`, `.history`, and `.speed` for a medium.

    Raises:
        ValueError: If shapes or numbers cannot be right, `observed` is not finite, or the data do not depend on a level.
        TypeError: If there is no such option.

    References:
        Li, S. et al. (2024), GlobalTomo: a global dataset for physics-ML seismic wavefield modeling and FWI, arXiv:2406.18202
        Tromp, J., Tape, C. & Liu, Q. (2005), Geophys. J. Int. 160, 195-216, doi:10.1111/j.1365-246X.2004.02453.x
    """
    fit = StructureFit.gathered("invert_structure", options)
    levels = tuple(float(r) for r in (mesh.radius * np.array(LEVELS) if radii is None else radii))
    seen = _checked(observed, sources, stations, mesh)
    start = _start(fit.initial, degree, levels, seen.dtype)
    if not mesh.speeds[0] <= fit.vp <= mesh.speeds[1]:
        raise ValueError(
            f"`vp` = {fit.vp:g} m/s must be within the speeds of `mesh`, {mesh.speeds[0]:g} to {mesh.speeds[1]:g} m/s."
        )
    if through != "solver" and not callable(through):
        raise ValueError(f'`through` = {through!r} must be "solver", or a function from coefficients to seismograms.')
    waves = _Waves(list(sources), stations, mesh, levels, fit, through if callable(through) else None)
    mixing = _mixing(waves.probed, start, levels, diagonal=bounds is not None)

    def to_model(y: Array) -> Array:
        return jnp.asarray(start) + jnp.dot(y, jnp.asarray(mixing), precision=jax.lax.Precision.HIGHEST)

    def found(y: Any) -> np.ndarray:
        return np.asarray(to_model(jnp.asarray(y)))

    def report(iteration: int, y: Any, value: float) -> Any:
        return fit.callback(iteration, found(y), value) if fit.callback else None

    run = dataclasses.replace(fit.starting_with(SMALL / 4 / float(np.max(np.diag(mixing)))), callback=report)
    limits = None
    if bounds is not None:
        low, high = ((np.broadcast_to(np.asarray(b, float), start.shape) - start) / np.diag(mixing) for b in bounds)
        limits = low, high
    make = lambda band: waves.objective(band, seen).after(to_model)  # noqa: E731
    result = descend_bands(make, np.zeros_like(start), bands, bounds=limits, run=run)
    return Structure.from_result(
        result, x=found(result.x), radii=levels, convention=fit.convention, vp=fit.vp, speeds=mesh.speeds
    )  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class _Waves:
    """From coefficients to seismograms, and their misfit."""

    sources: list[PressureSource]
    stations: Stations
    mesh: BallMesh
    radii: tuple[float, ...]
    fit: StructureFit
    through: Callable[[Array], Any] | None

    def of(self, source: Any, c: Array) -> Array:
        """Seismograms of a source, or of a list of them."""
        fit = self.fit
        medium = FluidMedium(_speed(c, self.radii, fit.convention, fit.vp, self.mesh.speeds), fit.rho)
        return simulate_fluid_ball(
            medium, source, self.stations, self.mesh, record=fit.record, adjoint=fit.adjoint, devices=fit.devices
        )  # fmt: skip

    def probed(self, c: Array) -> Array:
        """What tells how strongly each level is seen."""
        return self.of(self.sources[0], c) if self.through is None else self.through(c)

    def objective(self, band: Band, observed: np.ndarray) -> Composite:
        """Relative misfit and regularizer."""
        fit, dt = self.fit, self.mesh.dt
        if self.through is None and fit.devices is None and isinstance(fit.walker, LBFGSB):

            def part(c: Array, shot: Any) -> Any:
                source, seen = shot
                return relative_objective(lambda c: _gather(self.of(source, c)), _gather(seen), band, dt, misfit=fit.misfit)(c)

            pairs = [(source, jnp.asarray(seen)) for source, seen in zip(self.sources, observed, strict=True)]
            return Composite(lambda c: c, one_by_one(part, jax.tree.map(lambda *x: jnp.stack(x), *pairs)), fit.regularizer)

        def forward(c: Array) -> list[Array]:
            made = self.of(self.sources, c) if self.through is None else self.through(c)
            return [_gather(made[number]) for number in range(len(self.sources))]

        gathers = [_gather(jnp.asarray(seen)) for seen in observed]
        return relative_objective(forward, gathers, band, dt, misfit=fit.misfit, regularizer=fit.regularizer)


def _speed(
    c: Array, radii: tuple[float, ...], convention: str, vp: float, speeds: tuple[float, float]
) -> Callable[[Any, Any, Any], Array]:
    """vp at places, cut at what the mesh carries."""

    def speed(radius: Any, latitude: Any, longitude: Any) -> Array:
        relative = perturbation(c, Positions(radius, latitude, longitude), radii=radii, convention=convention)
        return jnp.clip(vp * (1 + relative), *speeds)

    return speed


def _gather(record: Array) -> Array:
    """`(component, time, station)` of `(station, time)` or `(station, time, component)`: time where gathers have it."""
    return jnp.moveaxis(record, (0, 1), (-1, -2)) if record.ndim == 3 else record.T[None]


def _checked(observed: Any, sources: Sequence[PressureSource], stations: Stations, mesh: BallMesh) -> np.ndarray:
    """Seismograms that fit, and are finite."""
    seen = np.asarray(observed)
    expected = (len(sources), *np.shape(stations.latitude), mesh.nt)
    if seen.shape[:3] != expected or seen.ndim not in (3, 4):
        raise ValueError(
            f"`observed` {seen.shape} must be (source, station, time) = {expected}, with `sources`, `stations` and `mesh.times` "
            "as they are; resample records of another clock."
        )
    if not np.isfinite(seen).all():
        bad = tuple(int(i) for i in np.argwhere(~np.isfinite(seen))[0])
        raise ValueError(f"`observed` is not finite at (source, station, time) = {bad[:3]}; repair or zero the trace.")
    return np.asarray(jnp.asarray(seen))


def _start(initial: Any, degree: int, radii: tuple[float, ...], dtype: Any) -> np.ndarray:
    """Coefficients to start from."""
    if degree != int(degree) or degree < 0:
        raise ValueError(f"`degree` = {degree} must be a whole number, 0 or more.")
    shape = ((int(degree) + 1) ** 2, len(radii))
    start = np.zeros(shape, dtype) if initial is None else np.asarray(initial, dtype)
    if start.shape != shape:
        raise ValueError(
            f"`initial` {start.shape} must be (harmonic, level) = {shape} of `degree` = {degree} and {len(radii)} `radii`."
        )
    return start


def _mixing(simulate: Callable[[Array], Array], start: np.ndarray, radii: tuple[float, ...], *, diagonal: bool) -> np.ndarray:
    """W: `(mixed level, level)`."""
    harmonics, levels = start.shape
    signs = np.random.default_rng(0).choice([-1.0, 1.0], harmonics)
    compiled = jax.jit(simulate)

    def at(change: np.ndarray) -> np.ndarray:
        return np.asarray(compiled(jnp.asarray((start + change).astype(start.dtype))), float).ravel()

    before = at(np.zeros_like(start))
    answers = np.stack([at(np.outer(signs, SMALL * unit)) - before for unit in np.eye(levels)])
    loud = np.linalg.norm(before)
    blind = np.flatnonzero(np.linalg.norm(answers, axis=1) == 0)
    if not loud or blind.size:
        fault = (
            f"do not depend on `radii`[{blind[0]}] = {radii[blind[0]]:g} m; leave it out"
            if loud
            else "are zero: the sources are silent"
        )
        raise ValueError(f"simulated seismograms {fault}.")
    answers /= SMALL * loud * np.sqrt(harmonics)
    products = answers @ answers.T
    if diagonal:
        return np.diag(1 / np.sqrt(np.diag(products))).astype(start.dtype)
    products += LEAST * np.linalg.eigvalsh(products)[-1] * np.eye(levels)
    return np.linalg.inv(np.linalg.cholesky(products)).astype(start.dtype)
