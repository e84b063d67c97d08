"""How a minimization is run, whatever is minimized: the options that pass whole from a problem to the optimizer."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from adseis.optimizers.lbfgs import LBFGSB
from adseis.optimizers.newton import NewtonCG
from adseis.optimizers.path import Callback, Method

METHODS: dict[str, Method] = {"l-bfgs-b": LBFGSB(), "newton-cg": NewtonCG()}

_Run = TypeVar("_Run", bound="Run")


@dataclasses.dataclass(frozen=True)
class Run:
    """Options of a run, as of `minimize`.

    Attributes:
        method: "l-bfgs-b", "newton-cg", or one with settings of its own.
        evaluations: Most evaluations of value and gradient; None for no cap.
        first_step: Largest change of any element in the first trial step of L-BFGS; None for the problem's own.
        journal: HDF5 file that records every evaluation, or None.
        progress: Whether to show a progress bar.
        callback: `callback(iteration, x, value)` after each iteration, or None.

    Raises:
        ValueError: If the method is unknown, or a number is not positive.
    """

    method: str | Method = "l-bfgs-b"
    evaluations: int | None = None
    first_step: float | None = None
    journal: str | os.PathLike[str] | None = None
    progress: bool = True
    callback: Callback | None = None

    def __post_init__(self) -> None:
        if isinstance(self.method, str) and self.method.lower() not in METHODS:
            raise ValueError(f"`method` = {self.method!r} is unknown. Choose one of: {', '.join(METHODS)}.")
        for name in ("evaluations", "first_step"):
            number = getattr(self, name)
            if number is not None and not 0 < number < np.inf:
                raise ValueError(f"`{name}` = {number} must be positive.")

    @classmethod
    def gathered(cls: type[_Run], function: str, options: Mapping[str, Any]) -> _Run:
        """The options that a user gave to a function by keywords.

        Args:
            function: Its name, for the message.
            options: The keywords.

        Returns:
            The run.

        Raises:
            TypeError: If there is no such option.
            ValueError: If one cannot be right.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        unknown = sorted(options.keys() - set(known))
        if unknown:
            named = ", ".join(f"`{name}`" for name in unknown)
            raise TypeError(f"`{function}` knows no option {named}; beside its own arguments it takes {', '.join(known)}.")
        return cls(**options)

    @property
    def walker(self) -> Method:
        """The method itself."""
        return METHODS[self.method.lower()] if isinstance(self.method, str) else self.method

    def starting_with(self: _Run, first_step: float) -> _Run:
        """The same with a first step, unless the user chose one.

        Args:
            first_step: Largest change of an element.

        Returns:
            The run.
        """
        return self if self.first_step is not None else dataclasses.replace(self, first_step=first_step)

    def journal_of(self: _Run, part: str) -> _Run:
        """The same with a journal for a part of the work: `run.h5` becomes `run-part.h5`.

        Args:
            part: Its name.

        Returns:
            The run.
        """
        if self.journal is None:
            return self
        path = Path(self.journal)
        return dataclasses.replace(self, journal=path.with_name(f"{path.stem}-{part}{path.suffix}"))

    def counting_from(self: _Run, done: int) -> _Run:
        """The same for work that goes on: the callback counts iterations from those that were made before.

        Args:
            done: How many.

        Returns:
            The run.
        """
        callback = self.callback
        if callback is None:
            return self
        return dataclasses.replace(self, callback=lambda iteration, x, value: callback(done + iteration, x, value))
