"""The problem that every engine solves, and what an engine hands back; of NumPy alone, for every engine's Python reads it."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

# The tasks of an engine, in the order in which they are first run.
FORWARD, BY_VP, BY_VP_RHO, BY_ALL = "forward", "gradient by vp", "gradient by vp, rho", "gradient by vp, vs, rho"


class UnavailableError(Exception):
    """What an engine cannot do here, and why."""


@dataclass(frozen=True)
class Problem:
    """Point sources and receivers on nodes, in a model with absorbing layers outside it.

    The equations and their sources are those of adseis:

        scalar: (1/vp^2) u_tt - laplacian(u) = s(t) delta(x - xs), u recorded;
        acoustic: rho v_t = -grad p, p_t = rho vp^2 (q(t) delta(x - xs) - div v), p recorded;
        elastic: rho v_t = div sigma + f(t) delta(x - xs) along z, sigma_t = lambda div(v) I + mu (grad v + (grad v)^T), the
            velocity along z recorded; sources and receivers are half a cell below their nodes, where that velocity lives.

    A delta is one over the volume of a cell at one node. Sample k of what is recorded is at t = k dt.
    """

    equation: str
    """"scalar", "acoustic" or "elastic"."""
    vp: np.ndarray
    """Speed [m/s], (*shape), or (model, *shape) for a batch of models."""
    vs: np.ndarray
    """Speed of S waves [m/s], of the same shape; for the elastic equation only."""
    rho: np.ndarray
    """Density [kg/m^3], of the same shape."""
    sources: np.ndarray
    """Nodes, (shot, axis)."""
    receivers: np.ndarray
    """Nodes, (receiver, axis), the same for all shots."""
    wavelet: np.ndarray
    """s, q or f at t = k dt, (time,)."""
    wavelet_between: np.ndarray
    """The same at t = (k + 1/2) dt."""
    spacing: float
    dt: float
    frequency: float
    """Peak of the wavelet's spectrum [Hz]."""
    layer: int
    """Width of the absorbing layers [cells]."""
    order: int
    """Spatial accuracy."""

    @property
    def steps(self) -> int:
        return len(self.wavelet)

    @property
    def axes(self) -> int:
        return self.sources.shape[1]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.vp.shape[-self.axes :]

    @property
    def batched(self) -> bool:
        return self.vp.ndim > self.axes

    @property
    def cell(self) -> float:
        """Volume of a cell."""
        return self.spacing**self.axes

    @property
    def medium(self) -> tuple[np.ndarray, ...]:
        """The parameters of the equation."""
        return {"scalar": (self.vp,), "acoustic": (self.vp, self.rho), "elastic": (self.vp, self.vs, self.rho)}[self.equation]

    @property
    def gradients(self) -> dict[str, int]:
        """The gradient tasks of the equation: by how many of its parameters, the first ones of `medium`."""
        return {BY_VP: 1, **{"scalar": {}, "acoustic": {BY_VP_RHO: 2}, "elastic": {BY_ALL: 3}}[self.equation]}

    @property
    def speeds_of_sources(self) -> np.ndarray:
        """vp at the sources, (..., shot)."""
        return self.vp[(..., *self.sources.T)]

    def positions(self, nodes: np.ndarray) -> np.ndarray:
        """Where sources or receivers of given nodes are [m]."""
        below = np.eye(self.axes)[0] / 2 if self.equation == "elastic" else 0
        return (nodes + below) * self.spacing

    def extended(self, model: np.ndarray) -> np.ndarray:
        """A model continued into the layers by its edge values, for engines whose layers lie inside the grid."""
        return np.pad(model, self.layer, mode="edge")

    def inner(self, model: np.ndarray) -> np.ndarray:
        """The model's part of what lives on the extended grid; the derivatives by the layers' cells are left out."""
        return model[(..., *[slice(self.layer, -self.layer)] * self.axes)]

    def one_model(self) -> None:
        """Refuse a batch of models."""
        if self.batched:
            raise UnavailableError("a batch of models is not asked of it")

    def write(self, path: Path) -> None:
        arrays: dict[str, Any] = {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)}
        np.savez(path, **arrays)

    @classmethod
    def read(cls, path: Path) -> "Problem":
        with np.load(path, allow_pickle=False) as stored:
            return cls(**{f.name: stored[f.name] if stored[f.name].ndim else stored[f.name].item() for f in fields(cls)})


@dataclass(frozen=True)
class Engine:
    """A problem made ready in one engine."""

    tasks: dict[str, Callable[[], Any]]
    """Name -> what is timed; returns when the result is there."""
    gather: Callable[[Any], Any]
    """What FORWARD returns -> ([model,] shot, time, receiver), in the amplitudes and at the instants of `Problem`; not timed."""
    gradient: Callable[[Any], Any]
    """What a gradient task returns -> arrays of the model's shape; not timed."""
    packages: tuple[str, ...]
    """Distributions whose versions are reported."""
    remarks: list[str] = field(default_factory=list)
    """What a reader of the times must know."""


def as_arrays(result: Any) -> Any:
    """The same, as NumPy arrays; the identity of `Engine.gather` and `Engine.gradient`."""
    return [np.asarray(r) for r in result] if isinstance(result, tuple | list) else np.asarray(result)


def a_step_later(record: np.ndarray) -> np.ndarray:
    """Samples (..., time, receiver) that were taken after step k, at t = (k + 1) dt, as samples at t = k dt, from rest."""
    before = [(0, 0)] * (record.ndim - 2) + [(1, 0), (0, 0)]
    return np.pad(record, before)[..., :-1, :]
