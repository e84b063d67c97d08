"""Which devices compute: CPU cores as devices, and the device mesh that work is distributed over."""

import operator
import os
import warnings
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh

SHOT = "shot"
"""The axis of a device mesh that shots are distributed over."""

DOMAIN = "domain"
"""The axis of a device mesh that the grid is cut over."""


def device_mesh(devices: Sequence[Any] | None = None, *, domains: int = 1) -> Mesh:
    """Devices to distribute shots over, and, for a grid too large for one of them, parts of the grid.

    Args:
        devices: The devices; by default all that JAX has, those of all processes of a `jax.distributed` run.
        domains: Number of slabs that the grid is cut into along its first horizontal axis. That many devices in a row share the
            grid of their shots.

    Returns:
        A device mesh with the axis "shot", and the axis "domain" if there are several.

    Raises:
        ValueError: If there are no devices, one is named twice, or `domains` does not divide their number.

    Example:
        >>> ads.parallel.device_mesh(jax.devices()[:1]).axis_names
        ('shot',)
    """
    chosen = jax.devices() if devices is None else list(devices)
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"`devices` = {chosen} must name at least one device, and each once, such as jax.devices()[:2].")
    if operator.index(domains) < 1 or len(chosen) % domains:
        raise ValueError(
            f"`domains` = {domains} must divide the number of devices, {len(chosen)}; use another, or name devices, such as "
            f"jax.devices()[:{max(1, domains)}]."
        )
    if domains == 1:
        return shot_mesh(Mesh(np.array(chosen), (SHOT,)))
    return shot_mesh(Mesh(np.array(chosen).reshape(-1, domains), (SHOT, DOMAIN)))


def domains_of(devices: Mesh | None) -> int:
    """How many slabs a device mesh cuts the grid into.

    Args:
        devices: The device mesh, or None for one device.

    Returns:
        The length of its axis "domain", 1 if it has none.
    """
    return 1 if devices is None else devices.shape.get(DOMAIN, 1)


def platform_of(devices: Mesh | None) -> str | None:
    """What kind of devices a device mesh has.

    Args:
        devices: The device mesh, or None.

    Returns:
        "cpu", "gpu", ...; None for the devices that JAX uses by default.
    """
    return None if devices is None else devices.devices.flat[0].platform


def shot_mesh(devices: Any) -> Mesh:
    """A device mesh that shots can be distributed over.

    Args:
        devices: What the user gave: a device mesh with an axis "shot", possibly "domain", and possibly others, along which
            everything is repeated; or a list of devices, for `device_mesh`.

    Returns:
        The same devices, with axes over which XLA, not the type of an array, says what lies where.

    Raises:
        TypeError: If it is neither.
        ValueError: If it has no axis "shot", or devices are repeated.
    """
    if isinstance(devices, Sequence) and all(isinstance(device, jax.Device) for device in devices):
        return device_mesh(devices)
    if not isinstance(devices, Mesh):
        raise TypeError(
            f"`devices` is a {type(devices).__name__}; use ads.parallel.device_mesh(), another jax.sharding.Mesh, or a list of "
            "devices."
        )
    if SHOT not in devices.axis_names:
        raise ValueError(
            f'`devices` has the axes {devices.axis_names}, none of them "{SHOT}"; use ads.parallel.device_mesh(), or name one '
            f'"{SHOT}".'
        )
    return Mesh(devices.devices, devices.axis_names, axis_types=(AxisType.Auto,) * len(devices.axis_names))


def use_cores(count: int | None = None) -> int:
    """Make every CPU core a device of its own, so that shots can be distributed over the cores.

    XLA splits each of some twenty kernels a step over the cores of a device, and joins the cores again after each. Devices of one
    core each meet once a gradient: on two cores gradients took 1.2 to 1.5 times less (`benchmarks/scaling.py`, `peers.py`).
    To be called before the first array is made, for that is when JAX makes its devices. GPUs are not affected.

    Args:
        count: Number of CPU devices; by default JAX_NUM_CPU_DEVICES of the environment, or else the cores that this process may
            use.

    Returns:
        The number of CPU devices. By default, that of a JAX that has started already, with a warning if it is one.

    Raises:
        ValueError: If `count` is not positive.
        RuntimeError: If JAX has started, with another number of CPU devices than `count`.
    """
    wanted = _cores() if count is None else count
    if operator.index(wanted) < 1:
        raise ValueError(f"`count` = {count} must be a number of cores, at least 1.")
    try:
        jax.config.update("jax_num_cpu_devices", wanted)
    except RuntimeError as error:
        now = jax.local_device_count("cpu")
        late = (
            f"JAX has started with {now} CPU device(s): too late for {wanted}. Call ads.parallel.use_cores before the first "
            f"array is made (in a notebook, restart the kernel), or set JAX_NUM_CPU_DEVICES={wanted} in the environment."
        )
        if count is None:
            if now == 1 < wanted:
                warnings.warn(late, stacklevel=2)
            return now
        if now != count:
            raise RuntimeError(late) from error
    return wanted


def _cores() -> int:
    chosen = getattr(jax.config, "jax_num_cpu_devices", -1)
    if chosen > 0:
        return chosen
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
