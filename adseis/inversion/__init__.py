"""Which question is asked: a model (`invert`), a position, a mechanism, a rupture, an image; and what these problems share.

Each takes a forward code, any JAX function, beside observed gathers, and returns a result with `.x`, `.value`, `.history` and
names for what was found. Shared are parametrizations of a model, weights of its update, and batches or encodings of shots.
"""

import importlib
from typing import TYPE_CHECKING, Any

from adseis.inversion.fwi import Update, invert
from adseis.inversion.green_functions import green_functions
from adseis.inversion.imaging import least_squares_migration
from adseis.inversion.location import gaussian_source, locate
from adseis.inversion.moment_tensor import fit_mechanism, invert_moment_tensor
from adseis.inversion.multiscale import minimize_bands
from adseis.inversion.parametrizations import Bounded, Logarithm, Parametrization, Slowness, Splines
from adseis.inversion.rupture import gaussian_histories, invert_rupture, invert_slip_history
from adseis.inversion.shots import encode_gathers, encode_survey, random_signs, select_shots, shot_batches
from adseis.inversion.weights import depth_weight, illumination, illumination_weight, mute_near, sensitivity

if TYPE_CHECKING:
    from adseis.inversion.reparametrization import Reparametrization, as_function, fit_network

__all__ = [
    "Bounded",
    "Logarithm",
    "Parametrization",
    "Reparametrization",
    "Slowness",
    "Splines",
    "Update",
    "as_function",
    "depth_weight",
    "encode_gathers",
    "encode_survey",
    "fit_mechanism",
    "fit_network",
    "gaussian_histories",
    "gaussian_source",
    "green_functions",
    "illumination",
    "illumination_weight",
    "invert",
    "invert_moment_tensor",
    "invert_rupture",
    "invert_slip_history",
    "least_squares_migration",
    "locate",
    "minimize_bands",
    "mute_near",
    "random_signs",
    "select_shots",
    "sensitivity",
    "shot_batches",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:  # what needs optax is imported when it is first asked for
    if name in ("Reparametrization", "as_function", "fit_network"):
        return getattr(importlib.import_module("adseis.inversion.reparametrization"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
