"""How one descends: deterministic minimization within bounds, with a journal, and stochastic minimization over batches.

`minimize` walks by a `Method` (`LBFGSB`, `NewtonCG`, or one of your own), records each evaluation in a journal, and leaves a
`Result`; `minimize_stochastic` takes any optimizer of optax. A `Run` holds the options that a problem hands on to `minimize` as
they are.
"""

import importlib
from typing import TYPE_CHECKING, Any

from adseis.optimizers.lbfgs import LBFGSB
from adseis.optimizers.minimize import minimize
from adseis.optimizers.newton import NewtonCG
from adseis.optimizers.path import Iterate, Method, Result
from adseis.optimizers.run import Run

if TYPE_CHECKING:
    from adseis.optimizers.stochastic import Trained, minimize_stochastic

__all__ = ["LBFGSB", "Iterate", "Method", "NewtonCG", "Result", "Run", "Trained", "minimize", "minimize_stochastic"]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:  # what needs optax is imported when it is first asked for
    if name in ("Trained", "minimize_stochastic"):
        return getattr(importlib.import_module("adseis.optimizers.stochastic"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
