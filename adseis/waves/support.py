"""What works with what: the options of a simulation for every equation and dimension, and what is refused with which error.

The answers are asked of the equations (fields, quantities) and sources (emissions). The documentation prints them, and a test
traces every combination.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from adseis.experiment.finite_fault import FiniteFault
from adseis.experiment.grid import Grid
from adseis.experiment.medium import AcousticMedium, ElasticMedium, ScalarMedium, letters
from adseis.experiment.sources import Explosion, Force, MomentTensor, PlaneWave, Source
from adseis.timeloop.adjoints import Adjoint, AutoDiff, ReverseSweep
from adseis.waves.acoustic import Acoustic, simulate_acoustic
from adseis.waves.boundary import Boundary, Rigid
from adseis.waves.cpml import CPML
from adseis.waves.elastic import Elastic, simulate_elastic
from adseis.waves.scalar import Scalar, simulate_scalar
from adseis.waves.sh import AntiplaneShear, simulate_sh
from adseis.waves.sponge import Sponge
from adseis.waves.wave_equation import WaveEquation


class Physics(NamedTuple):
    """An equation, the function that simulates it, and the medium that it takes."""

    equation: type[WaveEquation]
    simulate: Callable[..., Any]
    medium: type


class Refusal(NamedTuple):
    """The error that a combination raises, and a part of its text."""

    error: type[Exception]
    text: str


class Combination(NamedTuple):
    """A simulation in words and settings; `devices` is "shots" or "domains" where it is distributed."""

    physics: Physics
    axes: int
    source: str
    record: str
    boundary: Boundary = Rigid()  # noqa: B008 - an immutable setting
    free_surface: bool = False
    adjoint: Adjoint = ReverseSweep()  # noqa: B008
    derivative: str = ""
    devices: str = ""
    probe: bool = False


PHYSICS = (
    Physics(Scalar, simulate_scalar, ScalarMedium),
    Physics(Acoustic, simulate_acoustic, AcousticMedium),
    Physics(Elastic, simulate_elastic, ElasticMedium),
    Physics(AntiplaneShear, simulate_sh, ElasticMedium),
)
FIBRE = "Fibre"
OPTIONS: dict[tuple[str, str], dict[str, Any]] = {
    ("boundary", "`Rigid()`"): {},
    ("boundary", "`CPML()`"): {"boundary": CPML(2)},
    ("boundary", "`Sponge()`"): {"boundary": Sponge(2)},
    ("boundary", "`free_surface=True`"): {"free_surface": True},
    ("derivative", "`jax.grad`, `ReverseSweep()`"): {"derivative": "grad"},
    ("derivative", "`jax.jvp`, `ReverseSweep()`"): {"derivative": "jvp"},
    ("derivative", "`jax.grad`, `AutoDiff()`"): {"adjoint": AutoDiff(), "derivative": "grad"},
    ("derivative", "`jax.jvp`, `AutoDiff()`"): {"adjoint": AutoDiff(), "derivative": "jvp"},
    ("probe", "`jax.grad`, `ReverseSweep()`"): {"probe": True, "derivative": "grad"},
    ("probe", "`ReverseSweep(stride=2)`"): {"probe": True, "adjoint": ReverseSweep(stride=2)},
    ("probe", "shots over devices (runs on one)"): {"probe": True, "devices": "shots"},
    ("probe", "the grid over devices"): {"probe": True, "devices": "domains"},
    ("devices", "shots over devices"): {"devices": "shots"},
    ("devices", "the grid over devices, `CPML()`"): {"devices": "domains", "boundary": CPML(2)},
    ("devices", "the grid over devices, `Sponge()`"): {"devices": "domains", "boundary": Sponge(2)},
}


def sources(grid: Grid) -> dict[str, Source]:
    """A source of each kind in the middle of a grid, of two shots."""
    axes, one = len(grid.shape), np.ones((1, 1, grid.nt), "float32")
    at = np.broadcast_to(np.array(grid.extent) / 2, (2, 1, axes))
    moment, about = np.ones((1, 1, axes, axes)), np.full((1, 1), 2 * grid.dt)
    found: dict[str, Source] = {
        "Explosion": Explosion(at, one),
        "PlaneWave": PlaneWave([0.0, 5.0], one[0], depth=float(at[0, 0, 0]), speed=2000.0),
        "Force": Force(at, one, np.ones((1, 1, axes))),
        "MomentTensor": MomentTensor(at, one, moment),
        "FiniteFault": FiniteFault(at, about, about, about, moment),
    }
    return found if axes == 3 else found | {"Force along y": Force(at, one, np.array([[[0.0, 1.0, 0.0]]]))}


def small_grid(axes: int) -> Grid:
    """The grid of which all is asked."""
    return Grid((9,) * axes, 10.0, 1e-3, 6)


def refusal(asked: Combination) -> Refusal | None:
    """The error that a combination raises; None if it works."""
    equation, axes, grid = asked.physics.equation, asked.axes, small_grid(asked.axes)
    if any(len(field.stagger) != axes for field in equation.fields(axes).values()):
        return Refusal(ValueError, "`grid.shape`")
    known = equation.quantities(grid, 2)
    if asked.record != FIBRE and asked.record not in known:
        return Refusal(ValueError, "is no field of the")
    if asked.record == FIBRE and not {f"v{k}" for k in letters(axes)} <= set(known):
        return Refusal(ValueError, "`record` has a Fibre, which needs")
    if asked.source not in _accepted(equation, grid):
        return Refusal(TypeError, "`source` emits a")
    if asked.devices == "domains" and asked.probe:
        return Refusal(ValueError, "A `probe` sees the whole grid")
    if isinstance(asked.adjoint, ReverseSweep) and asked.probe and asked.adjoint.stride > 1:
        return Refusal(ValueError, "`stride` = 2 of ReverseSweep has no effect")
    if isinstance(asked.adjoint, ReverseSweep) and asked.derivative == "jvp":
        return Refusal(TypeError, "can't apply forward-mode")
    return None


def support() -> dict[tuple[str, str], list[Combination]]:
    """All that is asked: (heading, words) -> the combinations that ask it, one for each equation, in 2D and in 3D."""
    plain, records = [], {}
    for physics, axes in itertools.product(PHYSICS, (2, 3)):
        names = list(physics.equation.quantities(small_grid(axes), 2))
        source = (_accepted(physics.equation, small_grid(axes)) or ["Force"])[0]
        plain.append(Combination(physics, axes, source, names[0]))
        records |= dict.fromkeys(names)
    rows = {}
    for name in sources(small_grid(2)):
        there = [c for c in plain if name in sources(small_grid(c.axes))]
        rows["source", f"`{name}`"] = [c._replace(source=name) for c in there]
    for name in [*records, FIBRE]:
        rows["record", f"`{name}`"] = [c._replace(record=name) for c in plain]
    return rows | {words: [c._replace(**settings) for c in plain] for words, settings in OPTIONS.items()}


@functools.cache
def _accepted(equation: type[WaveEquation], grid: Grid) -> list[str]:
    """The kinds of sources that an equation takes."""
    takes = {kind for field in equation.fields(len(grid.shape)).values() for kind in field.sources}
    return [name for name, source in sources(grid).items() if takes.issuperset(e.kind for e in source.emissions(grid))]
