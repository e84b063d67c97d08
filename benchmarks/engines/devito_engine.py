"""Devito: operators written with its symbols, compiled by gcc with OpenMP, one shot after the other.

The scalar equation is m u_tt - laplacian(u) + d u_t = s / cell with m = 1 / vp^2 and a damping d in the layers; sources enter u
one step on and receivers read u at t = k dt. Its gradient is the adjoint one: with the whole wavefield u saved, the time-reversed
equation is driven by the gather, and minus u times w_tt of its wavefield w is summed over time. That is the derivative by m;
times -2 / vp^3 it is the one by vp.

The acoustic and elastic equations are staggered, all fields are damped in the layers, and injected is q((k + 1/2) dt) or f(k dt).
Elastic velocities are those of the half steps, two of which are averaged; those along z are read as if they lived on the nodes,
which leaves them what they are half a cell below (`interp_order`, for Devito would average them onto the nodes). Means between
nodes are adseis'. Gradients are left out: Devito differentiates no operator, and theirs would be adjoint schemes of one's own.

The layers are sponges, as in Devito's own models. At 20 cells their echoes are what its gathers differ by: on 100 x 100 nodes and
400 steps 3.4 % (scalar), 1.2 % (acoustic) and 1.0 % (elastic), with 60 cells 0.07 %, 0.014 % and 0.017 %.
"""

from collections.abc import Callable
from typing import Any

import devito as dv  # pyright: ignore[reportMissingImports]
import numpy as np

from engines.problem import BY_VP, FORWARD, Engine, Problem, as_arrays

REFLECTION = 1e-3  # sets the strength of the layers, as in Devito's own models


def prepare(problem: Problem) -> Engine:
    kind = {"scalar": ScalarModel, "acoustic": AcousticModel, "elastic": ElasticModel}[problem.equation]
    remarks = ["shots one after the other", "sponge layers", *([] if kind is ScalarModel else ["gradient not written"])]
    return Engine(kind(problem).tasks(), as_arrays, as_arrays, ("devito",), remarks)


class Model:
    """Grid, damping, points and speed: what both equations need.

    Sparse functions have a sample more than the problem, for an operator stops one short of the last.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem, self.order = problem, problem.order
        self.vps, self.vss, self.rhos = (m if problem.batched else m[None] for m in (problem.vp, problem.vs, problem.rho))
        self.shape = tuple(n + 2 * problem.layer for n in problem.shape)
        corner = (-problem.layer * problem.spacing,) * problem.axes
        extent = tuple((n - 1) * problem.spacing for n in self.shape)
        self.grid = grid = dv.Grid(self.shape, extent=extent, origin=corner, dtype=np.float32)
        self.dt = grid.stepping_dim.spacing
        self.vp = dv.Function(name="vp", grid=grid, space_order=self.order)
        self.damping = dv.Function(name="damping", grid=grid, space_order=self.order)
        self.damping.data[:] = damping(problem)
        samples = problem.steps + 1
        self.source = dv.SparseTimeFunction(name="source", npoint=1, nt=samples, grid=grid)
        self.receivers = dv.SparseTimeFunction(name="receivers", npoint=len(problem.receivers), nt=samples, grid=grid)
        self.receivers.coordinates.data[:] = problem.receivers * problem.spacing

    def inject_samples(self, wavelet: np.ndarray) -> None:
        self.source.data[:-1, 0] = wavelet / self.problem.cell

    def operator(self, *equations: Any) -> Any:
        return dv.Operator(list(equations), subs=self.grid.spacing_map)

    def load(self, model: int) -> None:
        """Take one of the models."""
        self.vp.data[:] = self.problem.extended(self.vps[model])

    def over_shots(self, run: Callable[[int], None]) -> np.ndarray:
        """Run every shot of every model, given the model's number; the gathers."""
        shots = self.problem.sources
        gathers = np.empty((len(self.vps), len(shots), self.problem.steps, len(self.problem.receivers)), np.float32)
        for model in range(len(self.vps)):
            self.load(model)
            for shot, node in enumerate(shots):
                self.source.coordinates.data[:] = self.problem.positions(node)
                run(model)
                gathers[model, shot] = self.receivers.data[:-1]
        return gathers if self.problem.batched else gathers[0]


class ScalarModel(Model):
    """The scalar equation, and its gradient."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.inject_samples(problem.wavelet)
        layout: dict[str, Any] = {"grid": self.grid, "time_order": 2, "space_order": self.order}
        self.u, self.w = (dv.TimeFunction(name=name, **layout) for name in "uw")
        self.saved = dv.TimeFunction(name="saved", save=problem.steps + 1, **layout)
        self.by_m = dv.Function(name="by_m", grid=self.grid)
        self.march, self.march_saving = self.modelling(self.u), self.modelling(self.saved)
        adjoint_source = self.receivers.inject(field=self.w.backward, expr=self.receivers * (self.dt * self.vp) ** 2)
        correlation = dv.Inc(self.by_m, -self.saved * self.w.dt2)
        self.march_back = self.operator(self.step(self.w, self.w.backward, self.w.dt.T), adjoint_source, correlation)

    def step(self, u: Any, following: Any, rate: Any) -> Any:
        return dv.Eq(following, dv.solve(u.dt2 / self.vp**2 - u.laplace + self.damping * rate, following))

    def modelling(self, u: Any) -> Any:
        source = self.source.inject(field=u.forward, expr=self.source * (self.dt * self.vp) ** 2)
        return self.operator(self.step(u, u.forward, u.dt), source, self.receivers.interpolate(expr=u))

    def tasks(self) -> dict[str, Callable[[], np.ndarray]]:
        return {FORWARD: self.gathers, BY_VP: self.gradient}

    def gathers(self) -> np.ndarray:
        def run(model: int) -> None:
            self.u.data.fill(0)
            self.march.apply(dt=self.problem.dt)

        return self.over_shots(run)

    def gradient(self) -> np.ndarray:
        total = np.zeros((len(self.vps), *self.shape), np.float32)

        def run(model: int) -> None:
            self.saved.data[:2].fill(0)  # the steps overwrite the others
            self.w.data.fill(0)
            self.by_m.data.fill(0)
            self.march_saving.apply(dt=self.problem.dt)
            self.march_back.apply(dt=self.problem.dt)
            total[model] += self.by_m.data

        self.over_shots(run)
        by_vp = self.problem.inner(total) * -2 / self.vps**3
        return by_vp if self.problem.batched else by_vp[0]


class FirstOrderModel(Model):
    """What marches velocities and stresses, forward only.

    Attributes:
        march: The operator.
        fields: What starts from rest.
    """

    march: Any
    fields: tuple[Any, ...]

    def tasks(self) -> dict[str, Callable[[], np.ndarray]]:
        return {FORWARD: self.gathers}

    def gathers(self) -> np.ndarray:
        def run(model: int) -> None:
            for field in self.fields:
                field.data.fill(0)
            self.march.apply(dt=self.problem.dt)

        return self.over_shots(run)


class AcousticModel(FirstOrderModel):
    """The acoustic equations."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.inject_samples(problem.wavelet_between)
        self.rho = dv.Function(name="rho", grid=self.grid, space_order=self.order)
        self.buoyancy = dv.Function(name="buoyancy", grid=self.grid, space_order=self.order)
        layout: dict[str, Any] = {"grid": self.grid, "time_order": 1, "space_order": self.order}
        p, v = dv.TimeFunction(name="p", **layout), dv.VectorTimeFunction(name="v", **layout)
        keep = 1 / (1 + self.dt * self.damping * self.vp**2)
        stiffness = self.dt * self.rho * self.vp**2
        accelerate = dv.Eq(v.forward, keep * (v - self.dt * self.buoyancy * dv.grad(p)))
        compress = dv.Eq(p.forward, keep * (p - stiffness * dv.div(v.forward)))
        source = self.source.inject(field=p.forward, expr=self.source * stiffness)
        self.march = self.operator(accelerate, compress, source, self.receivers.interpolate(expr=p))
        self.fields = (p, *v)

    def load(self, model: int) -> None:
        super().load(model)
        self.rho.data[:] = self.problem.extended(self.rhos[model])
        self.buoyancy.data[:] = 1 / self.problem.extended(self.rhos[model])


class ElasticModel(FirstOrderModel):
    """The elastic equations."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.inject_samples(problem.wavelet)
        self.lam, self.mu, self.buoyancy = (
            dv.Function(name=name, grid=self.grid, space_order=self.order, avg_mode="safe_harmonic")
            for name in ("lam", "mu", "buoyancy")
        )
        layout: dict[str, Any] = {"grid": self.grid, "time_order": 1, "space_order": self.order}
        v = dv.VectorTimeFunction(name="v", interp_order=0, **layout)  # is read where it lives, not averaged onto nodes
        s = dv.TensorTimeFunction(name="s", **layout)
        self.keep = keep = dv.Function(name="keep", grid=self.grid, space_order=self.order)
        slopes = dv.grad(v.forward)
        accelerate = dv.Eq(v.forward, keep * (v + self.dt * self.buoyancy * dv.div(s)))
        source = self.source.inject(field=v[0].forward, expr=self.source * self.dt * self.buoyancy)
        loaded = self.lam * dv.diag(dv.div(v.forward)) + self.mu * (slopes + slopes.transpose(inner=False))
        load = dv.Eq(s.forward, keep * (s + self.dt * loaded))
        record = self.receivers.interpolate(expr=(v[0] + v[0].forward) / 2)
        self.march = self.operator(accelerate, source, load, record)
        self.fields = (*v, *s)

    def load(self, model: int) -> None:
        super().load(model)
        vp, vs, rho = (self.problem.extended(m[model]) for m in (self.vps, self.vss, self.rhos))
        self.lam.data[:] = rho * (vp**2 - 2 * vs**2)
        self.mu.data[:] = rho * vs**2
        self.buoyancy.data[:] = 1 / rho
        self.keep.data[:] = 1 / (1 + self.problem.dt * np.asarray(self.damping.data) * vp**2)


def damping(problem: Problem) -> np.ndarray:
    """d = 1.5 ln(1 / R) q^3 / (width h max(vp)), summed over the layers, q rising from 0 at the model to 1 at the outer face.

    The power is the one that echoes least: Devito's own models use a profile that rises linearly, which sends back twice as much.
    """
    strongest = 1.5 * np.log(1 / REFLECTION) / (problem.layer * problem.spacing * problem.vp.max())
    profiles = []
    for n in problem.shape:
        i = np.arange(-problem.layer, n + problem.layer)
        profiles.append(strongest * (np.maximum(np.maximum(-i, i - (n - 1)), 0) / problem.layer) ** 3)
    return np.sum(np.meshgrid(*profiles, indexing="ij"), axis=0)
