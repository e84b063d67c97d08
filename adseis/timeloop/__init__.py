"""The time loop: an equation marched through time within bounded memory, and how the march is differentiated.

Three things meet here and never look inside each other:

- the *equation* (an `Equation`, or a `SweptEquation` with a reverse step of its own): how one step turns a state into the next;
- the *loop* (`march`): inject sources, step, record receivers, `nt` times;
- the *adjoint* (an `Adjoint`: `ReverseSweep`, `AutoDiff`, or one of your own).
"""

from adseis.timeloop.adjoints import Adjoint, AutoDiff, ReverseSweep
from adseis.timeloop.equation import Equation, Injection, Points, State, SweptEquation
from adseis.timeloop.march import march
from adseis.timeloop.override import adjoint_override

__all__ = [
    "Adjoint",
    "AutoDiff",
    "Equation",
    "Injection",
    "Points",
    "ReverseSweep",
    "State",
    "SweptEquation",
    "adjoint_override",
    "march",
]
