"""Surveys as ADSeismic.jl stores them beside a model."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from adseis.data.arrays import read_mat, require_file


@dataclass(frozen=True)
class StoredSurvey:
    """Experiment stored beside a model in an ADSeismic file. Positions are (z, x) from the model's first node.

    ADSeismic adds s(t) dt^2 to u at one node, so it solves u_tt - vp^2 laplacian(u) = s(t) there; a simulation with
    (1/vp^2) u_tt - laplacian(u) = s(t) delta(x - xs) gives the same u times vp^2 / (dz dx), vp taken at the source.

    Attributes:
        spacing: (dz, dx) [m].
        dt: Time step [s].
        nt: Number of samples.
        f0: Peak frequency of the Ricker source [Hz].
        source_positions: (shot, source, axis) [m].
        source_time_functions: (shot, source, time).
        receiver_positions: (receiver, axis) where all shots share their receivers, else (shot, receiver, axis) [m].
        mask: 1 where the model may change, axes (z, x); None where the file has none.
    """

    spacing: tuple[float, float]
    dt: float
    nt: int
    f0: float
    source_positions: Float[np.ndarray, "shot source 2"]
    source_time_functions: Float[np.ndarray, "shot source nt"]
    receiver_positions: Float[np.ndarray, "*shot receiver 2"]
    mask: Float[np.ndarray, "z x"] | None


def read_adseismic_survey(path: str | Path) -> StoredSurvey:
    """Sources, receivers and time axis of an ADSeismic `.mat` file.

    Args:
        path: MATLAB v5 file with `source` and `receiver` structures and the scalars `dx`, `dy`, `dt`, `nt`, `f0`.

    Returns:
        The survey, float64, positions in metres.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or holds no survey, or its shots differ in their numbers of sources or receivers.

    References:
        Zhu, W., Xu, K., Darve, E. & Beroza, G. C. (2021), Computers & Geosciences 151, 104751, doi:10.1016/j.cageo.2021.104751
    """
    path = Path(path)
    require_file(path, "model file")
    stored = read_mat(path)
    missing = {"source", "receiver", "dx", "dy", "dt", "nt", "f0"} - stored.keys()
    if missing:
        raise ValueError(f"`{path}` stores no survey: it lacks {', '.join(sorted(missing))}. Give a survey of your own.")
    dx, dy, dt, f0 = (float(stored[key].item()) for key in ("dx", "dy", "dt", "f0"))
    nt = int(stored["nt"].item())

    def positions(device: np.void) -> np.ndarray:
        # Julia counts nodes from 1, and ADSeismic's solver indexes the stored array itself, its absorbing nodes and outer
        # ring included (nx = 202 = its NX + 2): index 1 is our node 0. The figures agree: 10...192 of 202, 10...178 of 188.
        return np.stack([(device["iy"].ravel() - 1) * dy, (device["ix"].ravel() - 1) * dx], axis=-1)

    def time_functions(source: np.void) -> np.ndarray:
        vec = np.asarray(source["vec"], "float64")
        return vec if vec.shape[-1] == nt else vec.T

    try:
        sources, receivers = ([shot[0, 0] for shot in stored[key].ravel()] for key in ("source", "receiver"))
        source_positions = np.stack([positions(shot) for shot in sources])
        source_time_functions = np.stack([time_functions(shot) for shot in sources])
        receiver_positions = np.stack([positions(shot) for shot in receivers])
    except (ValueError, IndexError) as error:
        raise ValueError(f"`{path}`: its shots are no structures, or differ in their numbers of devices. Repair it.") from error
    if source_time_functions.shape != (*source_positions.shape[:2], nt) or len(receivers) != len(sources):
        raise ValueError(
            f"`{path}`: source time functions {source_time_functions.shape} must be (shot, source, nt) = "
            f"{(*source_positions.shape[:2], nt)}, with receivers for every shot ({len(receivers)} given)."
        )
    if (receiver_positions == receiver_positions[:1]).all():
        receiver_positions = receiver_positions[0]
    mask = np.ascontiguousarray(stored["mask"].T) if "mask" in stored else None
    return StoredSurvey((dy, dx), dt, nt, f0, source_positions, source_time_functions, receiver_positions, mask)
