"""What `adseis.objectives.certify` found out, and how it is written down."""

from dataclasses import dataclass

import numpy as np

WIDTHS = (34, 14, 12)
GROWING = "NOTE: records grow long after their sources have ended. Something is unstable, most likely the layers; see ads.CPML."


@dataclass(frozen=True)
class Limits:
    """Beyond which a check fails: what rounding may do in one precision, with room to spare.

    Attributes:
        slope: Relative deviation of a Taylor slope from 1 or 2.
        dot: Of the forward derivative from <gradient, direction>, relative.
        autodiff: Of the gradient from that of `AutoDiff`, relative norm of each leaf.
    """

    slope: float
    dot: float
    autodiff: float


LIMITS = {"float64": Limits(slope=0.1, dot=1e-12, autodiff=1e-10), "float32": Limits(slope=0.2, dot=1e-4, autodiff=1e-3)}


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes:
        name: What is compared.
        measured: A slope or a relative deviation; NaN where it could not be measured.
        wanted: The slope that a right gradient has; 0 for a deviation.
        limit: Largest deviation from `wanted` (of a slope, relative).
        passed: The verdict, or None where the check was left out.
        note: Why it was left out, or what else is to be said.
    """

    name: str
    measured: float
    wanted: int
    limit: float
    passed: bool | None
    note: str = ""

    def __str__(self) -> str:
        if self.passed is None:
            return f"{self.name:<{WIDTHS[0]}}skipped: {self.note}"
        slope = self.wanted > 0
        measured = f"slope {self.measured:.3f}" if slope else f"{self.measured:.1e}"
        measured = "no slope" if np.isnan(self.measured) else measured
        limit = f"{self.wanted} +- {100 * self.limit:.0f} %" if slope else f"{self.limit:.0e}"
        note = f"  ({self.note})" if self.note else ""
        return f"{self.name:<{WIDTHS[0]}}{measured:<{WIDTHS[1]}}{limit:<{WIDTHS[2]}}{'pass' if self.passed else 'FAIL'}{note}"


@dataclass(frozen=True)
class Cost:
    """Of one value and gradient, compiled.

    Attributes:
        seconds: Wall-clock time [s].
        megabytes: Memory beside arguments and results [MB]; NaN where the compiler does not tell.
    """

    seconds: float
    megabytes: float


@dataclass(frozen=True, eq=False)
class Certificate:
    """Whether a gradient is right; `print` shows it.

    Attributes:
        dtype: Precision of the problem: the lowest of `x` and the objective.
        value: Objective at `x`.
        leaves: Names and shapes of the leaves of `x`.
        simulations: Simulations that the objective runs (once each, however often a loop repeats them).
        taylor: The two Taylor tests.
        dot: Forward derivative by `AutoDiff` against <gradient, direction>.
        autodiff: Gradient by the default adjoint against the one by `AutoDiff`.
        steps: Step lengths of the Taylor tests, relative to the scale of `x`.
        changes: |f(x + h d) - f(x)| at each step.
        remainders: |f(x + h d) - f(x) - h <g, d>| at each step.
        rounding: What rounding adds to these.
        cost: Of the gradient by the adjoint that the objective asks for.
        cost_autodiff: Of the one by `AutoDiff`, None without it.
        cause: What is likely wrong; empty if nothing is.
        growing: Whether records of a simulation grow long after its sources have ended. The gradient may be right all the same,
            of waves that are not.
    """

    dtype: str
    value: float
    leaves: tuple[str, ...]
    simulations: int
    taylor: tuple[Check, Check]
    dot: Check
    autodiff: Check
    steps: np.ndarray
    changes: np.ndarray
    remainders: np.ndarray
    rounding: float
    cost: Cost
    cost_autodiff: Cost | None
    cause: str
    growing: bool = False

    @property
    def checks(self) -> tuple[Check, ...]:
        """All comparisons, in the order in which they are shown."""
        return (*self.taylor, self.dot, self.autodiff)

    @property
    def passed(self) -> bool:
        """Whether no check failed; the Taylor tests are never left out."""
        return all(check.passed is not False for check in self.checks)

    @property
    def _verdict(self) -> str:
        if not self.passed:
            return f"FAILED: {self.cause}"
        return "PASSED" + (": the gradient is right." if all(c.passed for c in self.checks) else ", with checks left out.")

    def __str__(self) -> str:
        costs = [self.cost] if self.cost_autodiff is None else [self.cost, self.cost_autodiff]
        columns = ["as given", "AutoDiff"][: len(costs)]

        def row(name: str, texts: list[str]) -> str:
            return f"{name:<{WIDTHS[0]}}" + "".join(f"{text:<{WIDTHS[1]}}" for text in texts)

        lines = [
            f"gradient of an objective of {self.simulations or 'no'} simulation{'s' * (self.simulations != 1)}, {self.dtype}",
            f"f(x) = {self.value:.6g} by {', '.join(self.leaves[:4])}{', ...' * (len(self.leaves) > 4)}",
            "",
            row("check", ["measured"]) + "limit",
            *map(str, self.checks),
            "",
            row("value and gradient", columns),
            row("  time [s]", [f"{c.seconds:.3g}" for c in costs]),
            row("  memory [MB]", ["unknown" if np.isnan(c.megabytes) else f"{c.megabytes:.3g}" for c in costs]),
            "",
            self._verdict,
            *[GROWING] * self.growing,
        ]
        return "\n".join(line.rstrip() for line in lines)


def likely_cause(
    checks: tuple[Check, ...], gradient: list[np.ndarray], suspects: list[str], fault: str, dtype: str, *, kinked: bool
) -> str:
    """What failed, and what is likely wrong.

    Args:
        checks: Both Taylor tests, the dot test, the comparison with `AutoDiff`.
        gradient: Leaf by leaf.
        suspects: Names of what was found in the objective's trace that may part a gradient from its function.
        fault: What the simulation said where it refused a step; empty if it refused none.
        dtype: Precision of the problem.
        kinked: Whether f seems to have a kink at x.

    Returns:
        One or two sentences; empty if no check failed.
    """
    failed = [check for check in checks if check.passed is False]
    if not failed:
        return ""
    names = ", ".join(f"{check.name!r}" for check in failed)
    first, second, dot, plain = checks
    found = f" The objective contains {' and '.join(suspects)}: look there first." if suspects else ""
    outside = f" Some steps were refused: {fault}" if fault else ""
    rounding = " float32 may hide what is right: repeat in float64 (`jax_enable_x64`)." if dtype == "float32" else ""
    if not any(np.any(g) for g in gradient):
        why = (
            "the gradient is zero everywhere: x is a minimum, its effect never reaches a receiver, or its values leave JAX on "
            "the way (`stop_gradient`, rounding, integers)." + found
        )
    elif dot.passed is False or plain.passed is False:
        why = "the default adjoint of a simulation is not exact. Use adjoint=ads.AutoDiff() there, and please report the case."
        why += rounding
    elif np.isnan(second.measured):
        why = "rounding, or too few steps, hide how f changes: give another `scale`." + rounding
    elif kinked:
        why = (
            "f has a kink at x: its slope is another forth than back (abs or max at zero, a threshold, a traced position "
            "exactly on a node). Certify it elsewhere, or smooth it." + found + rounding
        )
    elif second.measured <= 1.4:
        why = "f changes as the gradient does not say, however small the step: a part of the derivative is missing or wrong."
        why += found or " Look for values that leave JAX (rounding, integers) and for derivative rules of your own."
    else:
        why = "f is not smooth along the way (abs, max, a root near zero), or the steps are too large: give a smaller `scale`."
        why += found + rounding
    return f"{names}: {why}{outside}"
