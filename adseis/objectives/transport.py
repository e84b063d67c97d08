"""Optimal transport between traces: by quantiles of densities, and by assignment of samples.

ott-jax has both for measures of any dimension (`ott.solvers.linear.univariate`, against which the quantiles are tested);
densities on one clock need no sorting, and no other dependency.

References:
    Cuturi, M. et al. (2022), Optimal Transport Tools (OTT): a JAX toolbox for all things Wasserstein, arXiv:2201.12324
"""

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float


def wasserstein_2(p: Float[Array, "*trace time"], o: Float[Array, "*trace time"], dt: float) -> Float[Array, "*trace"]:
    """Squared 2-Wasserstein distance of densities: integral_0^1 (t_p(q) - t_o(q))^2 dq, t the inverse of the cumulative density.

    Densities are constant within a sample, so that t is linear between its knots.

    Args:
        p: Positive density, of any mass.
        o: Another, on the same samples.
        dt: Sampling interval [s].

    Returns:
        The distance [s^2].
    """
    nt = p.shape[-1]
    knots = jnp.asarray(dt * np.arange(nt + 1), p.dtype)
    shares = jnp.asarray((np.arange(2 * nt) + 0.5) / (2 * nt), p.dtype)

    def quantiles(density: Array) -> Array:
        passed = jnp.concatenate([jnp.zeros_like(density[:1]), jnp.cumsum(density)])
        return jnp.interp(shares, passed / passed[-1], knots)

    for _ in range(p.ndim - 1):
        quantiles = jax.vmap(quantiles)
    return jnp.mean((quantiles(p) - quantiles(o)) ** 2, -1)


def graph_space(
    p: Float[Array, "*trace time"], o: Float[Array, "*trace time"], per_sample: Float[Array, "*trace"]
) -> Float[Array, "*trace"]:
    """Least cost of moving the points (i, p_i) onto (j, o_j): min_s sum_i (p_i - o_s(i))^2 + (a (i - s(i)))^2.

    The best assignment stays the best for small changes: its derivative is that of the cost.

    Args:
        p: Trace.
        o: Another.
        per_sample: a, what a shift by one sample costs [unit of the traces].

    Returns:
        The cost [unit squared].
    """
    where = jax.ShapeDtypeStruct(p.shape, jnp.int32)
    fixed = jax.lax.stop_gradient((p, o, per_sample))
    partner = jax.pure_callback(_assign, where, *fixed, vmap_method="broadcast_all")
    shift = jnp.arange(p.shape[-1], dtype=partner.dtype).reshape(*[1] * (p.ndim - 1), -1) - partner
    return jnp.sum((p - jnp.take_along_axis(o, partner, -1)) ** 2 + (per_sample[..., None] * shift.astype(p.dtype)) ** 2, -1)


def _assign(p: ArrayLike, o: ArrayLike, per_sample: ArrayLike) -> np.ndarray:
    """The best partner of every sample, by SciPy."""
    p, o, per_sample = (np.asarray(x, float) for x in (p, o, per_sample))
    time = np.arange(p.shape[-1])
    partner = np.empty(p.shape, np.int32)
    for trace in np.ndindex(p.shape[:-1]):
        cost = (p[trace][:, None] - o[trace]) ** 2 + (per_sample[trace] * (time[:, None] - time)) ** 2
        partner[trace] = scipy.optimize.linear_sum_assignment(cost)[1]
    return partner
