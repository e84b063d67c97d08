"""Soft dynamic time warping: a smooth minimum over all monotonous alignments of two traces.

As `ott.geometry.costs.SoftDTW` of ott-jax, against which it is tested, with a window and without another dependency.

References:
    Cuturi, M. et al. (2022), Optimal Transport Tools (OTT): a JAX toolbox for all things Wasserstein, arXiv:2201.12324
"""

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float


def divergence(
    p: Float[Array, "*trace time"], o: Float[Array, "*trace time"], smoothing: float, window: int | None
) -> Float[Array, "*trace"]:
    """d(p, o) - d(p, p) / 2 - d(o, o) / 2, which, unlike d, is never negative and zero for equal traces.

    Args:
        p: Trace, of values near 1.
        o: Another.
        smoothing: g of the soft minimum -g log sum exp(-cost / g).
        window: Most samples that two aligned samples may be apart; None for no limit.

    Returns:
        The divergence [1].
    """

    def warp(p: Array, o: Array) -> Array:
        return distance(p, o, smoothing, window)

    for _ in range(p.ndim - 1):
        warp = jax.vmap(warp)
    return warp(p, o) - (warp(p, p) + warp(o, o)) / 2


def distance(p: Float[Array, " time"], o: Float[Array, " time"], smoothing: float, window: int | None) -> Float[Array, ""]:
    """Soft minimum of sum (p_i - o_j)^2 over the paths (i, j) from (0, 0) to (n - 1, n - 1) by steps (1, 0), (0, 1), (1, 1).

    R_ij = (p_i - o_j)^2 + softmin(R_i-1,j, R_i,j-1, R_i-1,j-1), one antidiagonal i + j = k after the other.

    Args:
        p: Trace.
        o: Another of its length.
        smoothing: g of the soft minimum.
        window: Most samples that i and j may differ by; None for no limit.

    Returns:
        The distance [unit squared].
    """
    n = p.shape[0]
    rows = jnp.arange(n)
    # Out of reach: more than any path costs, yet finite, so that no derivative is a NaN.
    far = 10 * n * (1 + lax.stop_gradient(jnp.max(jnp.abs(p)) + jnp.max(jnp.abs(o))) ** 2)
    backwards = jnp.pad(o[::-1], (n, n))

    def softmin(*x: Array) -> Array:
        return -smoothing * jax.nn.logsumexp(-jnp.stack(x) / smoothing, axis=0)

    def below(x: Array) -> Array:  # R_i-1 of an antidiagonal
        return jnp.concatenate([jnp.full_like(x[:1], far), x[:-1]])

    def diagonal(carry: tuple[Array, Array], k: Array) -> tuple[tuple[Array, Array], None]:
        before_last, last = carry
        columns = k - rows
        inside = (columns >= 0) & (columns < n)
        if window is not None:
            inside = inside & (jnp.abs(rows - columns) <= window)
        partners = lax.dynamic_slice(backwards, (2 * n - 1 - k,), (n,))  # o at the columns
        best = jnp.where(k == 0, jnp.zeros_like(last), softmin(below(last), last, below(before_last)))
        return (last, jnp.where(inside, (p - partners) ** 2 + best, far)), None

    nothing = jnp.full_like(p, far)
    (_, last), _ = lax.scan(diagonal, (nothing, nothing), jnp.arange(2 * n - 1))
    return last[-1]
