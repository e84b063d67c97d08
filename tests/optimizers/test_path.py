"""When a minimization has nothing left to gain."""

import jax.numpy as jnp
import numpy as np
import pytest

from adseis.optimizers.minimize import minimize


@pytest.mark.parametrize("method", ["l-bfgs-b", "newton-cg"])
def test_rounding_ends_a_run_as_converged(method):
    """In single precision the values of 1 + |x - 1|^4 cannot fall for ever: the run ends by itself, as converged."""
    objective = lambda x: 1 + jnp.sum((x - 1) ** 4)  # noqa: E731
    result = minimize(objective, np.linspace(0, 3, 5).astype("float32"), method=method, iterations=500, progress=False)
    assert result.converged
    assert len(result.history) < 100
    np.testing.assert_allclose(result.x, 1, atol=0.05)  # (2^-24)^(1/4) is 0.016
