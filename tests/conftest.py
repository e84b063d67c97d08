"""How every test runs: float64, strict shapes and types, four CPU devices, type-checked signatures, programs compiled in haste.

The hook must be installed before anything imports `adseis`, and the settings before JAX starts its backends. Compiling takes
far longer here than running, so XLA is told not to optimise; processes that tests start inherit it. Where running takes longer,
on large grids, the test is marked `optimised`.
"""

import gc
import os
from pathlib import Path

import jax
import pytest
from jaxtyping import install_import_hook

HASTE = "--xla_cpu_parallel_codegen_split_count=1"
if jax.__version_info__ < (0, 11):  # later ones have no other way to compile, and stop at a flag that they do not know
    HASTE += " --xla_cpu_use_fusion_emitters=false"
os.environ["XLA_FLAGS"] = f"{HASTE} {os.environ.get('XLA_FLAGS', '')}"  # the caller's own come later, and win

# What processes read as they start, so the workers, which come later: arrays that are freed are kept for the next one, and the
# workers themselves are the threads.
STARTING = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_TOP_PAD_": "134217728",
    "MALLOC_TRIM_THRESHOLD_": "1000000000",
}
os.environ.update({name: value for name, value in STARTING.items() if name not in os.environ})

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_traceback_in_locations_limit", 0)  # a tenth of the time goes into who called whom
jax.config.update("jax_traceback_filtering", "off")

install_import_hook("adseis", "beartype.beartype")

gc.set_threshold(200_000, 20, 20)  # tracing makes many objects, few of them garbage

MAPPINGS, PAGES = Path("/proc/self/maps"), Path("/proc/self/statm")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    """Around set-up too, so that what a module's fixture simulates is compiled as the first test that asks for it wants it."""
    haste = item.get_closest_marker("optimised") is None
    jax.config.update("jax_disable_most_optimizations", haste)
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = str(int(haste))  # for other processes
    return (yield)


@pytest.fixture(autouse=True, scope="module")
def few_programs():
    """Linux gives a process 65,530 memory mappings, a compiled program takes some ten, and without one left XLA crashes; and the
    workers of a machine of 8 GB share its memory: two of them keep less than 2 GB each."""
    yield
    if not MAPPINGS.is_file():
        return
    gigabytes = int(PAGES.read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e9
    if gigabytes > 1.5 or MAPPINGS.read_bytes().count(b"\n") > 25_000:
        jax.clear_caches()
