"""adseis: differentiable seismology in JAX.

Describe an experiment (`Grid`, a medium, a `Survey`), simulate it, and differentiate anything by anything with `jax.grad`.
"""

import importlib
from typing import TYPE_CHECKING, Any

from adseis import parallel, signals, wavelets
from adseis.data.gather_files import read_gathers
from adseis.data.models import read_model
from adseis.experiment.averages import layered_model, resample_model
from adseis.experiment.finite_fault import FiniteFault
from adseis.experiment.grid import Grid
from adseis.experiment.mechanisms import double_couple
from adseis.experiment.medium import AcousticMedium, ElasticMedium, ScalarMedium
from adseis.experiment.sources import Explosion, Force, MomentTensor, PlaneWave
from adseis.experiment.survey import Survey
from adseis.inversion.fwi import Update, invert
from adseis.objectives import misfits, regularizers
from adseis.objectives.bands import Band
from adseis.objectives.certify import certify
from adseis.optimizers.minimize import Result, minimize
from adseis.sphere.fluid_ball import simulate_fluid_ball
from adseis.sphere.solid_ball import simulate_solid_ball
from adseis.timeloop.adjoints import AutoDiff, ReverseSweep
from adseis.waves.acoustic import simulate_acoustic
from adseis.waves.boundary import Rigid
from adseis.waves.cpml import CPML
from adseis.waves.elastic import simulate_elastic
from adseis.waves.memory import estimate_memory
from adseis.waves.records import Fibre
from adseis.waves.scalar import simulate_scalar
from adseis.waves.sh import simulate_sh
from adseis.waves.sponge import Sponge

if TYPE_CHECKING:
    from adseis import viz

__version__ = "0.1.0"

__all__ = [
    "CPML",
    "AcousticMedium",
    "AutoDiff",
    "Band",
    "ElasticMedium",
    "Explosion",
    "Fibre",
    "FiniteFault",
    "Force",
    "Grid",
    "MomentTensor",
    "PlaneWave",
    "Result",
    "ReverseSweep",
    "Rigid",
    "ScalarMedium",
    "Sponge",
    "Survey",
    "Update",
    "certify",
    "double_couple",
    "estimate_memory",
    "invert",
    "layered_model",
    "minimize",
    "misfits",
    "parallel",
    "read_gathers",
    "read_model",
    "regularizers",
    "resample_model",
    "signals",
    "simulate_acoustic",
    "simulate_elastic",
    "simulate_fluid_ball",
    "simulate_scalar",
    "simulate_sh",
    "simulate_solid_ball",
    "viz",
    "wavelets",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:  # a run without pictures does without Matplotlib
    if name == "viz":
        return importlib.import_module("adseis.viz")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
