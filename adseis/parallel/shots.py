"""Shots over devices: each device runs its own shots from the first step to the last, and only gradients are summed over devices.

Nothing here knows what a shot is: there are functions of arrays, and axes that count shots. Where the grid is cut as well
(`adseis.parallel.halo`), each device runs its part of the grid for its shots.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

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


def shard_shots(shots: _Shots, mesh: Mesh | None = None) -> _Shots:
    """Distribute shots over devices.

    A survey comes back with its `mesh` set: whatever is simulated with it runs on these devices, each with its share of the shots
    and a copy of the medium. The devices need not divide the number of shots; silent shots fill up. A simulation with a `probe`,
    which sees all shots at once, is not distributed. A mesh of several domains also cuts the grid into as many parts, one on each
    device (`device_mesh` says where).

    Arrays come back placed on the devices: shared out, like the gathers of such a survey, where the devices divide the number of
    shots; a copy on each where they do not.

    Args:
        shots: A survey; an array whose first axis counts shots, such as observed data `(shot, time, receiver)`; or a pytree of
            these. With several processes, the same on all.
        mesh: A device mesh with an axis "shot", possibly "domain"; by default `device_mesh()`, all devices.

    Returns:
        The same, distributed.

    Raises:
        TypeError: If `mesh` is no device mesh.
        ValueError: If it has no axis "shot".
    """
    chosen = device_mesh() if mesh is None else shot_mesh(mesh)

    def place(x: Any) -> Any:
        if _has_mesh(x):
            return dataclasses.replace(x, mesh=chosen)
        divided = np.ndim(x) > 0 and np.shape(x)[0] % chosen.shape[SHOT] == 0
        put = jax.lax.with_sharding_constraint if isinstance(x, Tracer) else jax.device_put
        return put(x, NamedSharding(chosen, PartitionSpec(SHOT) if divided else PartitionSpec()))

    return jax.tree.map(place, shots, is_leaf=_has_mesh)


def over_shots(
    f: Callable[[Any, Any], Any], mesh: Mesh | None, shared: PyTree, shots: PyTree, *, split: Split | None = None
) -> PyTree:
    """`f(shared, shots)`, its shots distributed over the axis "shot" of a device mesh.

    Each device calls `f` with its own shots and hears nothing of the others. In a gradient by `shared` the parts of the devices
    are summed once, at the end. Where the devices do not divide the number of shots, shots of zeros fill up; what `f` makes of
    them is dropped.

    Args:
        f: A function that treats every shot by itself.
        mesh: The device mesh, from `shot_mesh`; None calls `f` as it is.
        shared: Arrays that all shots share.
        shots: Arrays whose first axis counts shots.
        split: Where the grid is cut along the axis "domain" as well: `shared` are then arrays on the whole grid, `f` is given a
            slab of each, and what it returns of a shot is summed over the slabs.

    Returns:
        What `f` returns: arrays whose first axis counts shots, shared out where the devices divide the number of shots.
    """
    if mesh is None:
        return f(shared, shots)
    count = jax.tree.leaves(shots)[0].shape[0]
    fill = -count % mesh.shape[SHOT]
    filled = jax.tree.map(lambda x: jnp.pad(x, [(0, fill)] + [(0, 0)] * (x.ndim - 1)), shots)
    every, each = PartitionSpec(), PartitionSpec(SHOT)
    # Not checked for which arrays vary over devices, so that `f` may make constants as it would for one device.
    if split is None:
        run = jax.shard_map(f, mesh=mesh, in_specs=(every, each), out_specs=each, check_vma=False)
        return jax.tree.map(lambda x: x[:count], run(shared, filled))

    def on_slab(shared: PyTree, shots: PyTree) -> PyTree:
        return jax.tree.map(lambda x: x[None], f(split.haloed(shared), shots))

    run = jax.shard_map(on_slab, mesh=mesh, in_specs=(split.spec, each), out_specs=PartitionSpec(DOMAIN, SHOT), check_vma=False)
    return jax.tree.map(lambda x: x.sum(0)[:count], run(split.cut(shared), filled))


def on_every_host(x: PyTree, mesh: Mesh | None) -> PyTree:
    """Arrays whose gradient hosts will read: both whole on each device, where several processes share a grid that is cut.

    By itself XLA would leave each piece of the gradient where it was computed.

    Args:
        x: Arrays on the whole grid.
        mesh: The device mesh, from `shot_mesh`; None stands for one device.

    Returns:
        The arrays.
    """
    if mesh is None or domains_of(mesh) == 1 or not mesh.is_multi_process:
        return x
    return jax.lax.with_sharding_constraint(x, NamedSharding(mesh, PartitionSpec()))


def error_if(x: Array | np.ndarray, bad: Array, message: str, mesh: Mesh | None) -> Array:
    """`eqx.error_if` on every device: where one alone raises, the others wait for it, and the program hangs.

    Args:
        x: An array that every device holds.
        bad: Whether it is faulty, a scalar.
        message: What the error says.
        mesh: The device mesh, from `shot_mesh`; None stands for one device.

    Returns:
        The array.

    Raises:
        RuntimeError: If it is faulty, when the program runs.
    """
    if mesh is None:
        return eqx.error_if(x, bad, message)
    every = PartitionSpec()
    raising = lambda x, bad: eqx.error_if(x, bad, message)  # noqa: E731
    check = jax.shard_map(raising, mesh=mesh, in_specs=every, out_specs=every, check_vma=False)
    checked = jax.custom_jvp(check)  # the derivative goes past it; through it, it would be summed over the devices
    checked.defjvp(lambda primals, tangents: (check(*primals), tangents[0]))
    return checked(x, bad)


def _has_mesh(x: Any) -> bool:
    return dataclasses.is_dataclass(x) and any(field.name == "mesh" for field in dataclasses.fields(x))
