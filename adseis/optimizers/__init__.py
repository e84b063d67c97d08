"""How one descends: deterministic minimization within bounds, with a journal, and stochastic minimization over batches.

`minimize` walks by a `Method` (`LBFGSB`, `NewtonCG`, or one of your own), records each evaluation in a journal, and leaves a
`Result`; `minimize_stochastic` takes any optimizer of optax. A `Run` holds the options that a problem hands on to `minimize` as
they are.
"""

from adseis.optimizers.lbfgs import LBFGSB
from adseis.optimizers.minimize import minimize
from adseis.optimizers.newton import NewtonCG
from adseis.optimizers.path import Iterate, Method, Result
from adseis.optimizers.run import Run
from adseis.optimizers.stochastic import Trained, minimize_stochastic

__all__ = ["LBFGSB", "Iterate", "Method", "NewtonCG", "Result", "Run", "Trained", "minimize", "minimize_stochastic"]
