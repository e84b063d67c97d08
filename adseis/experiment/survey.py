"""Sources and receivers of all shots."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Float

from adseis.experiment.checks import Samples, as_samples
from adseis.experiment.grid import Grid
from adseis.experiment.sources import Emission, Source
from adseis.parallel.devices import shot_mesh


def _mesh_or_none(devices: Any) -> Mesh | None:
    return None if devices is None else shot_mesh(devices)


class Survey(eqx.Module):
    """Who shakes the ground and who listens.

    Warning:
        Positions are metres from the origin of the grid, not node numbers, and depth comes first: `(z, x)` or `(z, y, x)`.

    Attributes:
        source: A source, or a tuple of sources that act together in every shot.
        receivers: Positions [m], `(shot, receiver, axis)`, or `(receiver, axis)` where all shots share them; differentiable.
        devices: Those that the shots are distributed over: a device mesh, as `adseis.parallel.shard_shots` sets it, or a list of
            devices; None leaves them to JAX.

    Example:
        >>> source = ads.Explosion([[[20.0, 50.0]], [[20.0, 150.0]]], ads.wavelets.ricker(10.0, nt=500, dt=1e-3))
        >>> receivers = np.stack([np.full(20, 10.0), 10.0 * np.arange(20)], axis=-1)  # (receiver, axis): a line 10 m deep
        >>> ads.Survey(source, receivers).receivers.shape
        (20, 2)
    """

    source: Source | tuple[Source, ...]
    receivers: Float[Samples, "... receiver axis"] = eqx.field(converter=as_samples)
    devices: Mesh | None = eqx.field(default=None, kw_only=True, static=True, converter=_mesh_or_none)

    def __check_init__(self) -> None:
        self._sources()

    def _sources(self) -> tuple[Source, ...]:
        sources = self.source if isinstance(self.source, tuple) else (self.source,)
        for source in sources:
            if not isinstance(source, Source):
                raise TypeError(
                    f"`source` holds a {type(source).__name__}; use ads.Explosion, ads.Force, ads.PlaneWave or a tuple of them."
                )
        return sources

    def with_devices(self, devices: Mesh | None) -> "Survey":
        """The same survey, its shots distributed over other devices.

        Args:
            devices: A device mesh, or None to leave the devices to JAX.

        Returns:
            The survey.
        """
        return Survey(self.source, self.receivers, devices=devices)

    def emissions(self, grid: Grid) -> list[Emission]:
        """What all sources emit, checked to be of the same shots.

        Args:
            grid: Space-time sampling.

        Returns:
            Point sources, all of the same number of shots.

        Raises:
            TypeError: If `source` holds something that is no source.
            ValueError: If the numbers of shots differ, or the shapes of a source do not fit.
        """
        emissions = [e for source in self._sources() for e in source.emissions(grid)]
        shots = {e.position.shape[0] for e in emissions}
        if len(shots) > 1:
            raise ValueError(f"The sources of `survey` have different numbers of shots: {sorted(shots)}.")
        return emissions

    def receiver_positions(self, shots: int, grid: Grid) -> Samples:
        """Positions of the receivers of every shot.

        Args:
            shots: Number of shots of the sources.
            grid: Space-time sampling.

        Returns:
            Positions [m], `(shot, receiver, axis)`.

        Raises:
            ValueError: If the shape fits neither the shots nor the grid.
        """
        axes = len(grid.shape)
        r = self.receivers
        if r.ndim not in (2, 3) or r.shape[-1] != axes or (r.ndim == 3 and r.shape[0] != shots):
            raise ValueError(
                f"`receivers` {r.shape} must be (receiver, {axes}), or ({shots}, receiver, {axes}) for this survey of "
                f"{shots} shots."
            )
        module = np if isinstance(r, np.ndarray) else jnp
        return module.broadcast_to(r, (shots, *r.shape[-2:]))
