"""Many devices: a device mesh, and shots that are distributed over it."""

from adseis.parallel.devices import device_mesh, use_cores
from adseis.parallel.shots import shard_shots

__all__ = ["device_mesh", "shard_shots", "use_cores"]
