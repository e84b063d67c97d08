"""Device meshes, and CPU cores as devices."""

import os
import subprocess
import sys

import jax
import pytest

from adseis.parallel.devices import device_mesh, use_cores


def test_device_mesh():
    """All devices in JAX's order, or those that are named."""
    mesh = device_mesh()
    assert mesh.axis_names == ("shot",)
    assert list(mesh.devices) == jax.devices()
    assert len(jax.devices()) == 4
    assert list(device_mesh(jax.devices()[2:0:-1]).devices) == jax.devices()[2:0:-1]
    assert device_mesh() == mesh
    assert hash(device_mesh()) == hash(mesh)


def test_device_mesh_errors():
    """No device, or one twice."""
    with pytest.raises(ValueError, match=r"`devices` = \[\] must name at least one device"):
        device_mesh([])
    with pytest.raises(ValueError, match=r"each once, such as jax.devices\(\)\[:2\]"):
        device_mesh(jax.devices()[:1] * 2)


def test_use_cores_comes_too_late():
    """The four devices of the tests are what there is by then; another number is an error that says what to do."""
    jax.devices()
    assert use_cores(4) == use_cores() == 4
    with pytest.raises(RuntimeError, match=r"JAX has started with 4 CPU device\(s\): too late for 3. .* JAX_NUM_CPU_DEVICES=3"):
        use_cores(3)
    with pytest.raises(ValueError, match="`count` = 0 must be a number of cores"):
        use_cores(0)


def test_use_cores_in_time():
    """After importing adseis, which therefore starts nothing, and loads nothing that may not be needed; then again with the same
    number, as in a notebook run twice. The command line does so by itself."""
    program = """
import os
import sys
import jax
import adseis as ads
assert not {"matplotlib", "optax", "scipy.signal"} & {*sys.modules}
from adseis.cli.main import main
cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
assert ads.parallel.use_cores() == cores
assert ads.parallel.use_cores(3) == 3
jax.config.update("jax_num_cpu_devices", -1)
assert main(["info"]) == 0
assert ads.parallel.device_mesh().shape == {"shot": cores}
assert ads.parallel.use_cores(cores) == cores
"""
    environment = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "JAX_NUM_CPU_DEVICES")}
    subprocess.run([sys.executable, "-c", program], env=environment | {"JAX_PLATFORMS": "cpu"}, check=True, timeout=120)
