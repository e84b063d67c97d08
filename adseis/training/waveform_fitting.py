"""A trained network fitted to one sample's gathers, without a label: few numbers learn, and the wave equation teaches."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adseis.networks.adapters import Adapted, lora, merge
from adseis.training.loop import Plan, fit
from adseis.training.losses import Distance
from adseis.training.physics import WithPhysics, waveform_misfit
from adseis.training.samples import Batch
from adseis.training.schedules import adamw, one_cycle
from adseis.training.state import Instant
from adseis.training.supervised import Supervised
from adseis.training.trained_network import Inverter


def fitted_to(
    inverter: Inverter,
    gathers: Float[np.ndarray, "shot time receiver"],
    *,
    steps: int = 20,
    rate: float = 1e-3,
    rank: int = 4,
    where: str | Mapping[str, int] = "**",
    seed: int = 0,
    progress: bool = True,
) -> tuple[Inverter, tuple[float, float]]:
    """Fit low-rank adapters to the waveforms of one sample, and keep the network only if they are explained better.

    It costs a simulation and its gradient a step, some two seconds of a core. `inversion.openfwi.refine` goes further for more;
    this moves within what the network thinks possible.

    Args:
        inverter: A trained network.
        gathers: Of one sample, whole or small.
        steps: Steps of AdamW.
        rate: Greatest learning rate.
        rank: Of the adapters.
        where: Of which layers, as of `adapters.lora`.
        seed: Of the adapters.
        progress: Whether to show a bar.

    Returns:
        The adapted network, or the given one where the misfit did not fall; relative misfit before and after.

    Raises:
        ValueError: If an option cannot be right.
        FloatingPointError: If the misfit is no number.
    """
    batch = Batch(np.asarray(gathers)[None], np.full((1, 70, 70), 3000.0, np.float32), np.ones(1, np.float32))
    network = merge(inverter.network) if isinstance(inverter.network, Adapted) else inverter.network
    adapted = lora(network, rank=rank, where=where, key=jax.random.key(seed))
    physics = WithPhysics(Supervised(Distance(), inverter.transforms), 1.0, labels=False, exact=True)

    def loss(network: Any, batch: Batch, instant: Instant) -> tuple[Array, Mapping[str, Array]]:
        return physics(eqx.nn.inference_mode(network), batch, instant)  # of one sample nothing is to be left out

    observed = jnp.asarray(batch.gathers)
    misfit = jax.jit(lambda vp: waveform_misfit(vp, observed, exact=True)[0])

    def validate(network: Any) -> Mapping[str, float]:
        return {"misfit": float(misfit(Inverter(network, inverter.transforms)(batch.gathers)))}

    before = validate(inverter.network)["misfit"]
    plan = Plan(steps, every=max(1, steps // 4), average=0.0, log=1, seed=seed, progress=progress)
    found = fit(adapted, loss, lambda _: batch, optimizer=adamw(one_cycle(rate, steps), decay=0.0), plan=plan, validate=validate)
    if found.value >= before:
        return inverter, (before, before)
    return Inverter(found.x, inverter.transforms), (before, found.value)
