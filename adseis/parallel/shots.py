"""Shots over devices: each device runs its own shots from the first step to the last, and only gradients are summed over devices.

Nothing here knows what a shot is: there are functions of arrays, and axes that count shots. Where the grid is cut as well
(`adseis.parallel.halo`), each device runs its part of the grid for its shots.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, PyTree

from adseis.parallel.devices import DOMAIN, SHOT, device_mesh, domains_of, shot_mesh
from adseis.parallel.halo import Split

_Shots = TypeVar("_Shots")


@runtime_checkable
class Distributable(Protocol):
    """Something whose shots can be distributed over devices, such as a survey."""

    def with_devices(self, devices: Mesh | None) -> "Distributable":
        """The same on other devices.

        Args:
            devices: A device mesh with an axis "shot"; None leaves the devices to JAX.

        Returns:
            The same, distributed.
        """
        ...


def shard_shots(shots: _Shots, devices: Mesh | Sequence[Any] | None = None) -> _Shots:
    """Distribute shots over devices.

    A survey comes back with its `devices` set: whatever is simulated with it runs on these, each with its share of the shots
    and a copy of the medium. The devices need not divide the number of shots; silent shots fill up. A simulation with a `probe`,
    which sees all shots at once, is not distributed. A device mesh of several domains also cuts the grid into as many parts, one
    on each device (`device_mesh` says where).

    Arrays come back placed on the devices: shared out, like the gathers of such a survey, where the devices divide the number of
    shots; a copy on each where they do not.

    Args:
        shots: A survey; an array whose first axis counts shots, such as observed data `(shot, time, receiver)`; or a pytree of
            these. With several processes, the same on all.
        devices: A device mesh with an axis "shot", possibly "domain", or a list of devices; by default `device_mesh()`, all
            devices.

    Returns:
        The same, distributed.

    Raises:
        TypeError: If `devices` is neither.
        ValueError: If it has no axis "shot".
    """
    chosen = device_mesh() if devices is None else shot_mesh(devices)

    def place(x: Any) -> Any:
        if isinstance(x, Distributable):
            return x.with_devices(chosen)
        divided = np.ndim(x) > 0 and np.shape(x)[0] % chosen.shape[SHOT] == 0
        put = jax.lax.with_sharding_constraint if isinstance(x, Tracer) else jax.device_put
        return put(x, NamedSharding(chosen, PartitionSpec(SHOT) if divided else PartitionSpec()))

    return jax.tree.map(place, shots, is_leaf=lambda x: isinstance(x, Distributable))


def over_shots(
    f: Callable[[Any, Any], Any], devices: Mesh | None, shared: PyTree, shots: PyTree, *, split: Split | None = None
) -> PyTree:
    """`f(shared, shots)`, its shots distributed over the axis "shot" of a device mesh.

    Each device calls `f` with its own shots and hears nothing of the others. In a gradient by `shared` the parts of the devices
    are summed once, at the end. Where the devices do not divide the number of shots, shots of zeros fill up; what `f` makes of
    them is dropped.

    Args:
        f: A function that treats every shot by itself.
        devices: The device mesh, from `shot_mesh`; None calls `f` as it is.
        shared: Arrays that all shots share.
        shots: Arrays whose first axis counts shots.
        split: Where the grid is cut along the axis "domain" as well: `shared` are then arrays on the whole grid, `f` is given a
            slab of each, and what it returns of a shot is summed over the slabs.

    Returns:
        What `f` returns: arrays whose first axis counts shots, shared out where the devices divide the number of shots.
    """
    if devices is None:
        return f(shared, shots)
    count = jax.tree.leaves(shots)[0].shape[0]
    fill = -count % devices.shape[SHOT]
    filled = jax.tree.map(lambda x: jnp.pad(x, [(0, fill)] + [(0, 0)] * (x.ndim - 1)), shots)
    every, each = PartitionSpec(), PartitionSpec(SHOT)
    # Not checked for which arrays vary over devices, so that `f` may make constants as it would for one device.
    if split is None:
        run = jax.shard_map(f, mesh=devices, in_specs=(every, each), out_specs=each, check_vma=False)
        return jax.tree.map(lambda x: x[:count], run(shared, filled))

    def on_slab(shared: PyTree, shots: PyTree) -> PyTree:
        return jax.tree.map(lambda x: x[None], f(split.haloed(shared), shots))

    run = jax.shard_map(
        on_slab, mesh=devices, in_specs=(split.spec, each), out_specs=PartitionSpec(DOMAIN, SHOT), check_vma=False
    )
    return jax.tree.map(lambda x: x.sum(0)[:count], run(split.cut(shared), filled))


def on_every_host(x: PyTree, devices: Mesh | None) -> PyTree:
    """Arrays whose gradient hosts will read: both whole on each device, where several processes share a grid that is cut.

    By itself XLA would leave each piece of the gradient where it was computed.

    Args:
        x: Arrays on the whole grid.
        devices: The device mesh, from `shot_mesh`; None stands for one device.

    Returns:
        The arrays.
    """
    if devices is None or domains_of(devices) == 1 or not devices.is_multi_process:
        return x
    return jax.lax.with_sharding_constraint(x, NamedSharding(devices, PartitionSpec()))


def error_if(x: Array | np.ndarray, bad: Array, message: str, devices: Mesh | None) -> Array:
    """`eqx.error_if` on every device: where one alone raises, the others wait for it, and the program hangs.

    Args:
        x: An array that every device holds.
        bad: Whether it is faulty, a scalar.
        message: What the error says.
        devices: The device mesh, from `shot_mesh`; None stands for one device.

    Returns:
        The array.

    Raises:
        RuntimeError: If it is faulty, when the program runs.
    """
    if devices is None:
        return eqx.error_if(x, bad, message)
    every = PartitionSpec()

    def raise_if(x: Array, bad: Array) -> Array:
        return eqx.error_if(x, bad, message)

    check = jax.shard_map(raise_if, mesh=devices, in_specs=every, out_specs=every, check_vma=False)
    checked = jax.custom_jvp(check)  # the derivative goes past it; through it, it would be summed over the devices
    checked.defjvp(lambda primals, tangents: (check(*primals), tangents[0]))
    return checked(x, bad)


def told(error: BaseException) -> str:
    """What an error says, without the stack and the advice that Equinox and JAX put around the message of a runtime check.

    Args:
        error: Any error.

    Returns:
        Its message on one line.
    """
    wrapped = re.search(r"EquinoxRuntimeError: (.*?)(?:\n\n|\Z)", str(error), re.DOTALL)
    return " ".join((wrapped[1] if wrapped else str(error)).split())
