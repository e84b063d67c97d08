"""Deepwave (PyTorch, compiled C), on the CPU with PyTorch's default threads.

Conventions, from its documentation and source: `scalar` solves laplacian(u) - u_tt / v^2 = f, so f = -s / cell; it records before
it steps, so sample k is at t = k dt. `acoustic` solves p_t / K = -div v + s, each sample of s half a step after the pressure of
the same index, so s = q((k + 1/2) dt) / cell.
"""

import deepwave  # pyright: ignore[reportMissingImports]
import numpy as np
import torch  # pyright: ignore[reportMissingImports]

from engines.problem import BY_VP, BY_VP_RHO, FORWARD, Engine, Problem, UnavailableError, as_arrays


def prepare(problem: Problem) -> Engine:

    scalar = problem.equation == "scalar"
    models = len(problem.vp) if problem.batched else 1
    shots = len(problem.sources)
    samples = -problem.wavelet if scalar else problem.wavelet_between
    amplitudes = torch.from_numpy(np.tile((samples / problem.cell).astype(np.float32), (models * shots, 1, 1)))
    sources = torch.from_numpy(np.tile(problem.sources[:, None, :], (models, 1, 1)))
    receivers = torch.from_numpy(np.tile(problem.receivers, (models * shots, 1, 1)))
    suffixes = ("", "") if scalar else ("_volume_rate", "_p")
    settings = {
        f"source_amplitudes{suffixes[0]}": amplitudes,
        f"source_locations{suffixes[0]}": sources,
        f"receiver_locations{suffixes[1]}": receivers,
        "accuracy": problem.order,
        "pml_width": problem.layer,
        "pml_freq": problem.frequency,
        "max_vel": float(problem.vp.max()),
    }
    simulator = deepwave.scalar if scalar else deepwave.acoustic
    medium = [torch.from_numpy(problem.vp)] if scalar else [torch.from_numpy(problem.vp), torch.from_numpy(problem.rho)]

    def simulate(medium):
        if problem.batched:  # every model in all of its shots
            medium = [m[:, None].expand(-1, shots, *problem.shape).reshape(-1, *problem.shape) for m in medium]
        out = simulator(*medium, problem.spacing, problem.dt, **settings)
        if out.info.step_ratio != 1:
            raise UnavailableError(f"it would take {out.info.step_ratio} steps of its own per step")
        return out.receiver_amplitudes if scalar else out.receiver_amplitudes_p

    def forward():
        with torch.no_grad():
            return simulate(medium)

    def gradient(by: int):
        def run():
            wanted = [m.clone().requires_grad_(i < by) for i, m in enumerate(medium)]
            energy = 0.5 * (simulate(wanted) ** 2).sum()
            return torch.autograd.grad(energy, wanted[:by])

        return run

    tasks = {FORWARD: forward, BY_VP: gradient(1)}
    if not scalar:
        tasks[BY_VP_RHO] = gradient(2)

    def gather(result):
        gathers = np.moveaxis(result.numpy(), -1, -2)
        return gathers.reshape(models, shots, *gathers.shape[1:]) if problem.batched else gathers

    return Engine(tasks, gather, as_arrays, ("deepwave", "torch"))
