"""Learning rates over the steps, and the optimizers that networks are trained with."""

import math

import optax


def warm_restarts(
    peak: float, *, warm_up: int, period: int, growth: int = 2, cycles: int = 4, least: float = 5e-7, first: float = 0.01
) -> optax.Schedule:
    r"""A linear rise, then half cosines from the peak down, each longer than the one before.

        rate(k) = least + (peak - least) (1 + cos(pi k / T)) / 2    within a cycle of T steps

    Args:
        peak: Greatest rate.
        warm_up: Steps of the rise.
        period: Steps of the first cycle.
        growth: How many times as long each cycle is as the one before.
        cycles: How many; after them the rate stays at `least`.
        least: Rate at the end of a cycle.
        first: Rate at the first step, over the peak.

    Returns:
        From the number of a step to the rate.

    Raises:
        ValueError: If a number is not positive.

    References:
        Loshchilov, I. & Hutter, F. (2017), ICLR, arXiv:1608.03983
    """
    if min(peak, period, growth, cycles) <= 0 or warm_up < 0:
        raise ValueError(
            f"`peak` = {peak:g}, `period` = {period}, `growth` = {growth} and `cycles` = {cycles} must be positive, `warm_up` = "
            f"{warm_up} not negative."
        )
    lengths = [period * growth**k for k in range(cycles)]
    parts = [optax.linear_schedule(first * peak, peak, warm_up)] if warm_up else []
    parts += [optax.cosine_decay_schedule(peak, length, alpha=least / peak) for length in lengths]
    edges, at = [], warm_up
    for length in lengths[:-1]:
        edges.append(at := at + length)
    return optax.join_schedules(parts, ([warm_up] if warm_up else []) + edges)


def whole_cycles(peak: float, steps: int, *, warm_up: int, period: int, fewest: int = 3) -> optax.Schedule:
    """`warm_restarts` whose last cycle ends with the run: rise and cycles are stretched alike, by as little as can be.

    Args:
        peak: Greatest rate.
        steps: Of the whole run.
        warm_up: Steps of the rise, to be stretched.
        period: Of the first cycle, to be stretched.
        fewest: Cycles of a short run.

    Returns:
        From the number of a step to the rate.

    Raises:
        ValueError: If a number is not positive.
    """
    if min(peak, steps, warm_up, period, fewest) <= 0:
        raise ValueError(
            f"`peak` = {peak:g}, `steps` = {steps}, `warm_up` = {warm_up}, `period` = {period} and `fewest` = {fewest} must be "
            "positive."
        )
    cycles = max(fewest, round(math.log2(max(steps - warm_up, period) / period + 1)))
    stretch = steps / (warm_up + (2**cycles - 1) * period)
    first = max(1, round(stretch * period))
    rise = max(1, steps - (2**cycles - 1) * first)
    return warm_restarts(peak, warm_up=rise, period=first, cycles=cycles)


def one_cycle(peak: float, steps: int, *, warm_up: float = 0.05, least: float = 0.01) -> optax.Schedule:
    """A short rise and one half cosine, for a budget that is known.

    Args:
        peak: Greatest rate.
        steps: Of the whole run.
        warm_up: Share of the rise.
        least: Rate at the end, over the peak.

    Returns:
        From the number of a step to the rate.

    Raises:
        ValueError: If a number is not positive.
    """
    if min(peak, steps) <= 0 or not 0 <= warm_up < 1:
        raise ValueError(f"`peak` = {peak:g} and `steps` = {steps} must be positive, `warm_up` = {warm_up:g} within [0, 1).")
    rising = max(1, round(warm_up * steps))
    return optax.warmup_cosine_decay_schedule(0.01 * peak, peak, rising, max(steps, rising + 1), least * peak)


def adamw(
    rate: optax.ScalarOrSchedule, *, decay: float = 1e-4, clip: float | None = 1.0, betas: tuple[float, float] = (0.9, 0.999)
) -> optax.GradientTransformation:
    """AdamW behind a clip of the gradient's norm.

    Args:
        rate: Learning rate, a number or a schedule.
        decay: Decay of the weights, times the rate.
        clip: Greatest norm of the gradient; None for no clip.
        betas: Of the running mean and of the mean square.

    Returns:
        The optimizer.

    References:
        Loshchilov, I. & Hutter, F. (2019), ICLR, arXiv:1711.05101
    """
    clipped = [] if clip is None else [optax.clip_by_global_norm(clip)]
    return optax.chain(*clipped, optax.adamw(rate, *betas, weight_decay=decay))
