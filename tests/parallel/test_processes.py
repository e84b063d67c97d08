"""Two processes of two devices each, joined by `jax.distributed`, against one device of this one.

Run as a script, this file is one of the two processes.
"""

import os
import socket
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import adseis as ads

GRID = ads.Grid((14, 16), 10.0, 1e-3, 24)
VP = 2000 + 300 * np.random.default_rng(1).random(GRID.shape)
AT = np.random.default_rng(2).uniform(20.0, 110.0, (3, 1, 2))
SURVEY = ads.Survey(ads.Explosion(AT, np.hanning(GRID.nt)[None, None, :]), np.array([[60.0, 100.0], [63.0, 118.0]]))
OBSERVED = np.full((3, GRID.nt, 2), 1e-3)


def misfit(vp, survey):
    """The misfit, and the gather."""
    gather = ads.simulate_scalar(ads.ScalarMedium(vp), survey, GRID, boundary=ads.Rigid(), order=2)
    return ads.misfits.l2(gather, OBSERVED), gather


@pytest.mark.slow
def test_two_processes(tmp_path):
    """Three shots over four devices of two processes: 1e-12, as over the devices of one. Also two iterations of `minimize` on the
    host of each process, which must walk alike for the processes to meet at all; and the gradient of a grid cut over both."""
    with socket.socket() as free:  # a port that nobody listens on; it may be taken before process 0 does, which is unlikely
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    files = [tmp_path / f"{rank}.npz" for rank in range(2)]
    command = lambda rank: [sys.executable, "-W", "ignore", __file__, str(port), str(rank), str(files[rank])]  # noqa: E731
    logs = [file.with_suffix(".log") for file in files]
    workers = []
    try:
        for rank, path in enumerate(logs):
            with path.open("w") as log:
                workers.append(subprocess.Popen(command(rank), env=environment, stdout=log, stderr=log))
        codes = [worker.wait(timeout=120) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    assert codes == [0, 0], "\n".join(path.read_text() for path in logs)

    (value, gather), gradient = jax.jit(jax.value_and_grad(lambda vp: misfit(vp, SURVEY), has_aux=True))(jnp.asarray(VP))
    results = [np.load(file) for file in files]
    for result in results:
        for name, expected in {"value": value, "gather": gather, "gradient": gradient, "cut_gradient": gradient}.items():
            np.testing.assert_allclose(result[name], expected, rtol=0, atol=1e-12 * np.abs(expected).max())
        assert result["history"][-1] < result["history"][0]
    assert np.array_equal(results[0]["x"], results[1]["x"])


def work(port, rank, file):
    """One process: the same script on both, as on the hosts of a cluster."""
    jax.config.update("jax_enable_x64", True)
    ads.parallel.use_cores(2)
    jax.distributed.initialize(f"127.0.0.1:{port}", num_processes=2, process_id=rank)
    survey = ads.parallel.shard_shots(SURVEY)
    assert survey.devices is not None
    assert survey.devices.shape == {"shot": 4}
    assert jax.local_device_count() == 2
    (value, gather), gradient = jax.jit(jax.value_and_grad(lambda vp: misfit(vp, survey), has_aux=True))(VP)
    result = ads.minimize(lambda vp: misfit(vp, survey)[0], VP, bounds=(1900.0, 2500.0), iterations=2, progress=False)
    history = [iterate.value for iterate in result.history]
    cut = ads.parallel.shard_shots(SURVEY, ads.parallel.device_mesh(domains=4))
    cut_gradient = jax.jit(jax.grad(lambda vp: misfit(vp, cut)[0]))(VP)
    np.savez(file, value=value, gather=gather, gradient=gradient, x=result.x, history=history, cut_gradient=cut_gradient)


if __name__ == "__main__":
    work(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
