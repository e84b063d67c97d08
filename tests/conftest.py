"""How every test runs: float64, strict shapes, four CPU devices, type-checked signatures.

The hook must be installed before anything imports `adseis`, and the settings before JAX starts its backends.
"""

import jax
from jaxtyping import install_import_hook

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_num_cpu_devices", 4)

install_import_hook("adseis", "beartype.beartype")
