"""How every test runs: float64, strict shapes, four CPU devices, type-checked signatures, programs compiled in haste.

The hook must be installed before anything imports `adseis`, and the settings before JAX starts its backends. Compiling takes
far longer here than running: XLA is told not to optimise, and processes that tests start inherit it. A test that is about
optimised programs asks for them by `helpers.OPTIMISED`.
"""

import os
from pathlib import Path

import jax
import pytest
from jaxtyping import install_import_hook

HASTE = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
os.environ["XLA_FLAGS"] = f"{HASTE} {os.environ.get('XLA_FLAGS', '')}"  # the caller's own come later, and win

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_num_cpu_devices", 4)

install_import_hook("adseis", "beartype.beartype")

MAPPINGS = Path("/proc/self/maps")


@pytest.fixture(autouse=True, scope="module")
def few_programs():
    """Linux gives a process 65,530 memory mappings, a compiled program takes some ten, and without one left XLA crashes."""
    yield
    if MAPPINGS.is_file() and MAPPINGS.read_bytes().count(b"\n") > 25_000:
        jax.clear_caches()
