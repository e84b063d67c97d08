"""What a simulation is asked: the settings that all share, and whether an experiment can be run with them.

All of it is known before anything is computed; values are checked while it is traced (`adseis.experiment.checks`).
"""

import dataclasses
import difflib
import warnings
from typing import Any

import equinox as eqx
import jax
import numpy as np

from adseis.experiment import checks, sampling
from adseis.experiment.grid import Grid
from adseis.experiment.medium import Medium, letters
from adseis.experiment.sampling import check_order
from adseis.experiment.sources import Emission
from adseis.experiment.survey import Survey
from adseis.timeloop.adjoints import Adjoint, ReverseSweep
from adseis.timeloop.equation import Probe
from adseis.waves.boundary import Boundary
from adseis.waves.records import Fibre, Quantity, Recordable
from adseis.waves.wave_equation import WaveEquation


class Options(eqx.Module):
    """The settings that every simulation shares.

    Attributes:
        boundary: What surrounds the model.
        free_surface: Whether the top face is a free surface.
        order: Spatial accuracy.
        record: What to record, or a tuple of it.
        adjoint: How the time loop is differentiated.
        probe: What is computed from the fields on the way, or None.
        probe_every: Steps between its calls.
    """

    boundary: Boundary = eqx.field(kw_only=True)
    free_surface: bool = eqx.field(kw_only=True, static=True)
    order: int = eqx.field(kw_only=True, static=True)
    record: Recordable | tuple[Recordable, ...] = eqx.field(kw_only=True, static=True)
    adjoint: Adjoint = eqx.field(kw_only=True)
    probe: Probe | None = eqx.field(kw_only=True)
    probe_every: int = eqx.field(kw_only=True, static=True)

    @property
    def recorded(self) -> tuple[Recordable, ...]:
        """What is recorded, as a tuple."""
        return self.record if isinstance(self.record, tuple) else (self.record,)


def check_experiment(equation: type[WaveEquation], medium: Any, survey: Any, grid: Any) -> None:
    """Refuse what is no experiment, or one in another order, before anything is asked of it.

    Args:
        equation: The physics.
        medium: What was given as the medium.
        survey: What was given as the survey.
        grid: What was given as the grid.

    Raises:
        TypeError: If one of them is something else.
    """
    kind = equation.medium
    wanted = f"ads.{kind.__name__}({', '.join(field.name for field in dataclasses.fields(kind))})"
    if kind is Medium:
        wanted = "a medium, such as ads.ScalarMedium(vp)"
    given = dict(zip(("medium", "survey", "grid"), (medium, survey, grid), strict=True))
    for name, expected in zip(given, (kind, Survey, Grid), strict=True):
        if not isinstance(given[name], expected):
            break
    else:
        return
    types = ", ".join(f"{type(value).__name__}" for value in given.values())
    if {Medium, Survey, Grid} == {base for value in given.values() for base in (Medium, Survey, Grid) if isinstance(value, base)}:
        if isinstance(medium, Medium) and isinstance(survey, Survey):
            raise TypeError(f"`medium` is {_a(medium)}, which the {equation.name} equation does not take; write {wanted}.")
        raise TypeError(f"The order is (medium, survey, grid), not ({types}).")
    repairs = {
        "medium": f"write {wanted}",
        "survey": "write ads.Survey(source, receivers)",
        "grid": "write ads.Grid(shape, spacing, dt, nt)",
    }
    raise TypeError(f"`{name}` is {_a(given[name])}; {repairs[name]}. The order is (medium, survey, grid).")


def _a(value: Any) -> str:
    """What something is, with its article."""
    if isinstance(value, np.ndarray | jax.Array):
        return "an array"
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def check_structure(equation: type[WaveEquation], medium: Medium, grid: Grid, options: Options) -> None:
    """Refuse a medium of another grid, and settings that are none or do not fit the equation.

    Args:
        equation: The physics.
        medium: Earth parameters on the nodes of `grid`.
        grid: Space-time sampling.
        options: The settings.

    Raises:
        ValueError: If shapes disagree, or a setting is unknown or out of range.
        TypeError: If a setting is of the wrong kind.
    """
    check_order(options.order)
    if medium.shape != grid.shape:
        raise ValueError(f"`medium` is sampled on {medium.shape}, `grid.shape` is {grid.shape}; they must be the same.")
    if not isinstance(options.boundary, Boundary):
        raise TypeError(f"`boundary` = {options.boundary!r} must be ads.CPML(...), ads.Sponge(...) or ads.Rigid().")
    if not isinstance(options.adjoint, Adjoint):
        raise TypeError(f"`adjoint` = {options.adjoint!r} must be ads.ReverseSweep(), ads.AutoDiff() or another Adjoint.")
    if options.free_surface and grid.shape[0] <= options.order:
        raise ValueError(
            f"A free surface of order {options.order} needs more than {options.order} rows; `grid.shape` is {grid.shape}."
        )
    if options.probe_every < 1 or options.probe_every != int(options.probe_every):
        raise ValueError(f"`probe_every` = {options.probe_every} must be a whole number of steps, at least 1.")
    known = list(equation.quantities(grid, options.order))
    for name in options.recorded:
        if isinstance(name, Fibre):
            continue
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            raise ValueError(
                f"`record` = {name!r} is no field of the {equation.name} equation; use {known}."
                + (f" Did you mean {near[0]!r}?" if near else "")
            )
    if not options.recorded or len(set(options.recorded)) != len(options.recorded):
        raise ValueError(f"`record` = {options.record!r} must name each field once; use some of {known}.")


def recorded_quantities(equation: type[WaveEquation], grid: Grid, options: Options, receivers: int) -> list[Quantity]:
    """How everything that is recorded is computed from the fields, for a number of receivers.

    Args:
        equation: The physics.
        grid: Space-time sampling.
        options: The settings.
        receivers: How many there are.

    Returns:
        The quantities, in the order of `options.recorded`.

    Raises:
        ValueError: If there is a fibre, and the equation has no velocities.
    """
    known = equation.quantities(grid, options.order)
    velocities = [f"v{letter}" for letter in letters(len(grid.shape))]
    found = []
    for name in options.recorded:
        if not isinstance(name, Fibre):
            found.append(known[name])
        elif set(velocities) <= set(known):
            found.append(name.quantity(velocities, receivers))
        else:
            raise ValueError(f"`record` has a Fibre, which needs {velocities}; the {equation.name} equation has {list(known)}.")
    return found


def warn_of_sampling(medium: Medium, groups: dict[str, list[Emission]], grid: Grid, options: Options) -> None:
    """Warn, where the values are known, if speeds look like km/s, the shortest wavelength has too few points, or the highest
    frequency too few of the steps that a reverse sweep correlates.

    Args:
        medium: Earth parameters.
        groups: What each field is given by the sources.
        grid: Space-time sampling.
        options: The settings.
    """
    known = [checks.known(x) for x in jax.tree.leaves(medium)]
    emitted = [checks.known(e.samples) for v in groups.values() for e in v]
    samples = [np.asarray(s) for s in emitted if s is not None]
    if any(values is None for values in known) or len(samples) < len(emitted):
        return
    medium = jax.tree.unflatten(jax.tree.structure(medium), known)
    if sampling.warn_of_kilometres(medium.fastest, stacklevel=5):
        return
    frequency = max(sampling.highest_frequency(s, grid.dt) for s in samples)
    if frequency == 0:
        return
    _warn_of_dispersion(medium.slowest, frequency, samples, grid, options.order)
    stride = options.adjoint.stride if isinstance(options.adjoint, ReverseSweep) else 1
    most = max(1, int(1 / (2 * frequency * grid.dt)))
    if stride > most:
        warnings.warn(
            f"`stride` = {stride} of ReverseSweep leaves {1 / (frequency * grid.dt * stride):.2g} samples per period of "
            f"{frequency:.3g} Hz, the highest frequency of the time functions: gradients by the medium will be wrong. Use "
            f"stride={most} at most{f', {max(1, most * 2 // 5)} for accurate ones' if most > 2 else ''}.",
            stacklevel=4,
        )


def _warn_of_dispersion(slowest: float, frequency: float, samples: list[np.ndarray], grid: Grid, order: int) -> None:
    wavelength = slowest / frequency
    points = wavelength / max(grid.spacing)
    wanted = sampling.POINTS_PER_WAVELENGTH[order]
    if points >= 0.999 * wanted:
        return
    cut = max(sampling.cut(s) for s in samples)
    why = (
        f" A time function is cut at {100 * cut:.0f} % of its peak, which widens its spectrum: raise grid.nt."
        if cut > 0.01
        else ""
    )
    warnings.warn(
        f"{points:.1f} points per shortest wavelength ({slowest:.0f} m/s at {frequency:.3g} Hz) are few for order {order}: "
        f"the waves will be dispersed numerically. {wanted:g} or more are advised: a spacing of {wavelength / wanted:.3g} m, "
        f"a lower frequency or a higher order. {frequency:.3g} Hz is where the spectra of the time functions have fallen to "
        f"{100 * sampling.HIGHEST:.2g} % of their peak.{why}",
        stacklevel=5,
    )
