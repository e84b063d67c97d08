"""How stored gathers differ from what the operator makes of their maps: sign, scale, and what is left."""

import sys
from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from adseis.data.openfwi_dataset import Dataset
from adseis.data.openfwi_layout import GATHERS, SUBSETS
from adseis.data.openfwi_operator import simulate_maps


class Difference(NamedTuple):
    """How the stored gathers of a subset differ from simulated ones: stored = sign x scale x simulated + rest.

    Attributes:
        subset: Such as "curve-fault-b".
        samples: How many were compared.
        sign: 1, or -1 where polarity is turned.
        scale: Of the least squares; 1 where amplitudes agree.
        rest: RMS of the rest, over that of the gathers; the first and the last row of time are left out.
        first: The same of the first row alone; nan where stored and simulated are zero.
        last: The same of the last row.
    """

    subset: str
    samples: int
    sign: int
    scale: float
    rest: float
    first: float
    last: float


class Comparison(NamedTuple):
    """What `compare` found; printed, a table.

    Attributes:
        differences: One of each subset.
        numbers: Of the samples that were compared, in the dataset.
    """

    differences: tuple[Difference, ...]
    numbers: tuple[int, ...]

    def __str__(self) -> str:
        lines = [f"{'subset':<14} samples  sign   scale     rest      first row  last row"]
        for d in self.differences:
            name = SUBSETS[d.subset].long
            lines.append(
                f"{name:<14} {d.samples:>7}  {d.sign:>+4d}   {d.scale:<9.6g} {d.rest:<9.2g} {d.first:<10.2g} {d.last:.2g}"
            )
        return "\n".join(lines)


def compare(
    data: Dataset,
    *,
    samples: int = 10,
    seed: int = 0,
    quiet: bool = False,
    devices: Mesh | None = None,
) -> Comparison:
    """Simulate some of the stored maps, and tell by subset how the stored gathers differ.

    The scale is that of the least squares over all samples of a subset. With this scheme others met published data to some 2e-5,
    but for the last row, which differs in some families: leave it out of misfits. A rest near 1 says that the gathers are of
    other maps, or of another survey; `first` or `last` near 1 beside a small rest, that this row is zero or of another time.

    Args:
        data: Gathers of full size.
        samples: How many maps, dealt out evenly to the subsets; each takes one or two seconds on a core.
        seed: Which they are.
        quiet: Print no table.
        devices: A device mesh, over which the maps are distributed.

    Returns:
        The differences.

    Raises:
        ValueError: If there is nothing to compare, there are no maps, or the gathers are not of full size.

    Example:
        >>> found = openfwi.compare(openfwi.Dataset("mine"), samples=2)  # doctest: +SKIP
        subset         samples  sign   scale     rest      first row  last row
        CurveVel-B           1    -1   1         0         0          0
        CurveFault-A         1    +1   2         0         0          1
    """
    if samples < 1 or len(data) == 0:
        raise ValueError(f"`samples` = {samples} of {len(data)} must be one at least.")
    if not data.maps:
        raise ValueError(f"`data`, {data.folder}, has no maps to simulate: open gathers with their maps.")
    if data.pairs[0].gathers.shape[1:] != GATHERS:
        raise ValueError(f"gathers of {data.pairs[0].gathers.shape[1:]} cannot be compared; open those of {GATHERS}.")
    chosen = _chosen(data, samples, seed)
    numbers = [number for of_subset in chosen.values() for number in of_subset]
    batch = data.batch(numbers)
    simulated = np.asarray(jax.jit(lambda maps: simulate_maps(maps, devices=devices))(batch.velocity))
    ends = np.cumsum([len(of_subset) for of_subset in chosen.values()])
    pieces = zip(chosen, np.split(batch.gathers, ends[:-1]), np.split(simulated, ends[:-1]), strict=True)
    found = Comparison(tuple(difference(*piece) for piece in pieces), tuple(numbers))
    if not quiet:
        sys.stdout.write(f"{found}\n")
    return found


def difference(subset: str, stored: np.ndarray, simulated: np.ndarray) -> Difference:
    """How stored gathers differ from simulated ones.

    Args:
        subset: Name of the subset.
        stored: `(sample, shot, time, receiver)`.
        simulated: Likewise.

    Returns:
        The difference.
    """
    d, s = stored.astype(np.float64), simulated.astype(np.float64)
    inner = (slice(None), slice(None), slice(1, -1))
    factor = np.vdot(s[inner], d[inner]) / max(np.vdot(s[inner], s[inner]), np.finfo(float).tiny)
    rest = d - factor * s

    def relative(rows: tuple[slice | int, ...]) -> float:
        size = max(np.linalg.norm(d[rows].ravel()), np.linalg.norm(factor * s[rows].ravel()))
        return float(np.linalg.norm(rest[rows].ravel()) / size) if size else float("nan")

    ends = [relative((slice(None), slice(None), row)) for row in (0, -1)]
    return Difference(subset, len(d), -1 if factor < 0 else 1, float(abs(factor)), relative(inner), *ends)


def _chosen(data: Dataset, samples: int, seed: int) -> dict[str, list[int]]:
    """Numbers of some samples of each subset, by turns until there are enough."""
    rng = np.random.default_rng(seed)
    waiting, begin = {}, 0
    counts = data.counts()
    for subset, count in counts.items():
        waiting[subset] = [begin + int(number) for number in rng.permutation(count)[:samples]]
        begin += count
    chosen: dict[str, list[int]] = {}
    left = min(samples, len(data))
    while left:
        for subset, numbers in waiting.items():
            if left and numbers:
                chosen.setdefault(subset, []).append(numbers.pop(0))
                left -= 1
    return chosen
