"""Green's functions: a medium that stays the same answers every history by a convolution, so that the solver runs once a point.

Many points with many samples each are then inverted at the price of a few simulations: every further gradient is a product of
spectra.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import PyTree

from adseis.experiment.grid import Grid
from adseis.signals.arithmetic import einsum

QUIET = 3
"""Samples at either end that are answered in a way of their own: solvers interpolate samples to their own instants."""


def green_functions(forward: Callable[[Array], Any], sources: int, grid: Grid, *, dtype: Any = float) -> Callable[[Array], Any]:
    """Run a forward code once for each point, with an impulse, and put convolutions with the answers in its place.

    The discrete simulation is linear in the samples of a history and treats all alike, so that the convolution is exact (up to
    rounding), however badly an impulse is resolved by the grid. Only the first three samples of a history are left out, and the
    last three counted as if more followed.

    Args:
        forward: From histories `(source, time)` to gathers `(shot, time, receiver)`, or a tuple of them: linear.
        sources: Number of points.
        grid: Space-time sampling of `forward`.
        dtype: Precision of the histories; by default JAX's.

    Returns:
        A function like `forward`.

    Raises:
        ValueError: If `sources` is not positive, or the record is too short.

    References:
        Hartzell, S. H. & Heaton, T. H. (1983), Bull. Seismol. Soc. Am. 73, 1553-1583.
    """
    if sources < 1:
        raise ValueError(f"`sources` = {sources} must be at least 1.")
    if grid.nt <= QUIET:
        raise ValueError(f"`grid.nt` = {grid.nt} steps are too few: the first {QUIET} samples of a history are not used.")
    run = jax.jit(forward)
    silent = jnp.zeros((sources, grid.nt), jnp.zeros(0, dtype).dtype)
    respond = convolution([run(silent.at[source, QUIET].set(1.0)) for source in range(sources)], grid)

    def convolved(rate: ArrayLike) -> Any:
        rate = jnp.asarray(rate)
        if rate.shape != silent.shape:
            raise ValueError(f"`rate` {rate.shape} must be (source, time) = {silent.shape}, as of the Green's functions.")
        return respond(rate.at[:, :QUIET].set(0))

    return convolved


def convolution(answers: Sequence[PyTree], grid: Grid) -> Callable[[Array], Any]:
    """What histories send out, by what impulses at sample `QUIET` did.

    Args:
        answers: For each source the gathers `(shot, time, receiver)`, or tuples of them, of its impulse.
        grid: Of the clock.

    Returns:
        From histories `(source, time)`, or `(shot, source, time)` where every shot has its own, to gathers like the answers.
    """
    length = 2 * grid.nt

    def spectrum(*gathers: Array) -> Array:
        padded = jnp.pad(jnp.stack(gathers), ((0, 0), (0, 0), (0, grid.nt), (0, 0)))
        return jnp.fft.rfft(jnp.roll(padded, -QUIET, 2), axis=2)  # what comes before the impulse wraps around

    spectra = jax.tree.map(spectrum, *answers)

    def convolved(histories: Array) -> Any:
        axes = "nf,nsfr->sfr" if histories.ndim == 2 else "snf,nsfr->sfr"
        history = jnp.fft.rfft(histories, length)

        def answer(green: Array) -> Array:
            return jnp.fft.irfft(einsum(axes, history, green), length, 1)[:, : grid.nt]

        return jax.tree.map(answer, spectra)

    return convolved
