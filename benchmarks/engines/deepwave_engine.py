"""Deepwave (PyTorch, compiled C), on the CPU with PyTorch's default threads.

Conventions, from its documentation and source: `scalar` solves laplacian(u) - u_tt / v^2 = f, so f = -s / cell; it records before
it steps, so sample k is at t = k dt. `acoustic` solves p_t / K = -div v + s, each sample of s half a step after the pressure of
the same index, so s = q((k + 1/2) dt) / cell.

`elastic` names its axes x, y, z from the last to the first: what is vertical here is y in 2D and z in 3D. Its grid is adseis',
the velocity of index i half a cell below node i, and so are its means between nodes: arithmetic of the density, harmonic of mu.
Sample k of a force, f(k dt) / cell, takes the velocity from t = (k - 1/2) dt to (k + 1/2) dt; the former is sample k of what it
records. So it makes one step more, and the mean of two samples is the velocity at t = k dt.
"""

import deepwave  # pyright: ignore[reportMissingImports]
import numpy as np
import torch  # pyright: ignore[reportMissingImports]

from engines.problem import FORWARD, Engine, Problem, UnavailableError, as_arrays


def prepare(problem: Problem) -> Engine:
    elastic = problem.equation == "elastic"
    vertical = "_z" if problem.axes == 3 else "_y"
    simulator, samples, emitted, recorded = {
        "scalar": (deepwave.scalar, -problem.wavelet, "", ""),
        "acoustic": (deepwave.acoustic, problem.wavelet_between, "_volume_rate", "_p"),
        "elastic": (deepwave.elastic, np.append(problem.wavelet, 0), vertical, vertical),
    }[problem.equation]
    models = len(problem.vp) if problem.batched else 1
    shots = len(problem.sources)
    settings = {
        f"source_amplitudes{emitted}": torch.from_numpy(
            np.tile((samples / problem.cell).astype(np.float32), (models * shots, 1, 1))
        ),
        f"source_locations{emitted}": torch.from_numpy(np.tile(problem.sources[:, None, :], (models, 1, 1))),
        f"receiver_locations{recorded}": torch.from_numpy(np.tile(problem.receivers, (models * shots, 1, 1))),
        "accuracy": problem.order,
        "pml_width": problem.layer,
        "pml_freq": problem.frequency,
        "max_vel": 1.0001 * float(problem.vp.max()),  # it refuses less than what it computes from moduli, rounded
    }
    medium = [torch.from_numpy(m) for m in problem.medium]

    def simulate(medium):
        if elastic:
            medium = deepwave.vpvsrho_to_lambmubuoyancy(*medium)
        if problem.batched:  # every model in all of its shots
            medium = [m[:, None].expand(-1, shots, *problem.shape).reshape(-1, *problem.shape) for m in medium]
        out = simulator(*medium, problem.spacing, problem.dt, **settings)
        if out.info.step_ratio != 1:
            raise UnavailableError(f"it would take {out.info.step_ratio} steps of its own per step")
        record = getattr(out, f"receiver_amplitudes{recorded}")
        return (record[..., :-1] + record[..., 1:]) / 2 if elastic else record

    def forward():
        with torch.no_grad():
            return simulate(medium)

    def gradient(by: int):
        def run():
            wanted = [m.clone().requires_grad_(i < by) for i, m in enumerate(medium)]
            energy = 0.5 * (simulate(wanted) ** 2).sum()
            return torch.autograd.grad(energy, wanted[:by])

        return run

    def gather(result):
        gathers = np.moveaxis(result.numpy(), -1, -2)
        return gathers.reshape(models, shots, *gathers.shape[1:]) if problem.batched else gathers

    tasks = {FORWARD: forward, **{name: gradient(by) for name, by in problem.gradients.items()}}
    return Engine(tasks, gather, as_arrays, ("deepwave", "torch"), ["one step more"] if elastic else [])
