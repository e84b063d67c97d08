"""What the documentation says works is traced, and what it says is refused raises that error: no program is compiled."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads
from adseis.experiment.sources import Source
from adseis.parallel.devices import device_mesh
from adseis.timeloop.adjoints import Adjoint
from adseis.waves.boundary import Boundary
from adseis.waves.support import FIBRE, OPTIONS, PHYSICS, refusal, small_grid, sources, support
from adseis.waves.wave_equation import WaveEquation

ROWS = support()
LONG = {("elastic", 3), ("elastic", 2), ("acoustic", 3), ("scalar", 3), ("acoustic", 2), ("SH", 2)}


def traced(asked, names=None, records=None):
    """Trace a combination; several sources together, or several records, where they are named."""
    grid = small_grid(asked.axes)
    kinds = sources(grid)
    emitting = tuple(kinds[name] for name in names or (asked.source,))
    devices = {"": None, "shots": device_mesh(jax.devices()[:2]), "domains": device_mesh(jax.devices()[:2], domains=2)}
    receivers = np.full((3, asked.axes), 40.0)
    survey = ads.Survey(emitting, receivers, devices=devices[asked.devices])
    fibre = ads.Fibre((1.0,) * asked.axes, gauge_length=10.0)
    record = tuple(fibre if name == FIBRE else name for name in records or (asked.record,))
    values = {"vp": 2000.0, "vs": 1000.0, "rho": 1500.0}
    medium = asked.physics.medium(
        *(jnp.full(grid.shape, values[name], jnp.float32) for name in asked.physics.medium.__annotations__)
    )

    def simulated(medium):
        outputs = asked.physics.simulate(
            medium, survey, grid, boundary=asked.boundary, free_surface=asked.free_surface, order=2, record=record,
            adjoint=asked.adjoint, probe=(lambda fields: fields) if asked.probe else None,
        )  # fmt: skip
        assert all(g.shape == (2, grid.nt, 3) for g in (outputs[0] if asked.probe else outputs))
        return sum(jnp.sum(x) for x in jax.tree.leaves(outputs))

    derivative = {
        "": simulated,
        "grad": jax.grad(simulated),
        "jvp": lambda medium: jax.jvp(simulated, (medium,), (medium,)),
    }
    if refusal(asked) is not None and asked.derivative == "jvp":  # JAX finds out when it makes the program
        jax.jit(derivative["jvp"]).lower(medium)
    jax.eval_shape(derivative[asked.derivative], medium)


def asked_of(physics, axes):
    """The rows that concern an equation: (heading, combination)."""
    return [(heading, c) for (heading, _), row in ROWS.items() for c in row if (c.physics, c.axes) == (physics, axes)]


@pytest.mark.parametrize(
    ("physics", "axes"),
    [pytest.param(p, n, marks=[pytest.mark.slow] * ((p.equation.name, n) in LONG)) for p in PHYSICS for n in (2, 3)],
    ids=lambda x: getattr(x, "equation", None) and x.equation.name,
)
def test_what_works(physics, axes):
    """Options one by one; the sources together in one trace, and so the records."""
    works = [(heading, c) for heading, c in asked_of(physics, axes) if refusal(c) is None]
    names = [c.source for heading, c in works if heading == "source"]
    records = [c.record for heading, c in works if heading == "record"]
    assert bool(works) == ((physics.equation.name, axes) != ("SH", 3))
    for heading, asked in works:
        if heading not in ("source", "record"):
            traced(asked)
    if works:
        traced(works[0][1], names, records)


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("physics", PHYSICS, ids=lambda physics: physics.equation.name)
def test_what_is_refused(physics, axes):
    """Every one by itself, with its error and its words."""
    for _, asked in asked_of(physics, axes):
        refused = refusal(asked)
        if refused is not None:
            with pytest.raises(refused.error, match=re.escape(refused.text)):
                traced(asked)


def test_nothing_of_ours_is_left_out():
    """Every equation, source, boundary and adjoint of the rooms below has its row."""

    def ours(base):
        """Its public subclasses."""
        rooms = ("adseis.timeloop.", "adseis.experiment.", "adseis.waves.")
        found = [kind for kind in base.__subclasses__() if kind.__module__.startswith(rooms)]
        return {kind.__name__ for kind in found if not kind.__name__.startswith("_")}

    assert {physics.equation.__name__ for physics in PHYSICS} == ours(WaveEquation)
    assert {type(s).__name__ for s in sources(small_grid(2)).values()} == ours(Source)
    assert {type(o["boundary"]).__name__ for o in OPTIONS.values() if "boundary" in o} | {"Rigid"} == ours(Boundary)
    assert {type(o["adjoint"]).__name__ for o in OPTIONS.values() if "adjoint" in o} | {"ReverseSweep"} == ours(Adjoint)


def test_what_is_known():
    """A few answers by hand."""
    answers = {words: {(c.physics.equation.name, c.axes): refusal(c) for c in row} for (_, words), row in ROWS.items()}
    assert answers["`MomentTensor`"]["elastic", 3] is None
    assert answers["`MomentTensor`"]["acoustic", 2].error is TypeError
    assert answers["`curl`"]["elastic", 2] is None
    assert answers["`curl`"]["elastic", 3].error is ValueError
    assert answers["`Fibre`"]["acoustic", 3] is None
    assert answers["`CPML()`"]["SH", 3].error is ValueError
