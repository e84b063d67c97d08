"""How a march is differentiated: an open base, plain JAX, and a reverse sweep within bounded memory.

An adjoint of your own subclasses `Adjoint`; simulations take it like the two that are here.
"""

import abc

import equinox as eqx
import jax
from jax import lax
from jaxtyping import Array, PyTree

from adseis.timeloop.backwards_only import backwards_only
from adseis.timeloop.equation import State, SweptEquation
from adseis.timeloop.generic_sweep import generic_sizes, generic_sweep
from adseis.timeloop.loop import Inputs, Loop, March, Nodes, Outputs
from adseis.timeloop.schedule import Schedule, Sizes, bytes_of, cut_time, unfold
from adseis.timeloop.storage import Storage
from adseis.timeloop.swept import swept, swept_sizes


class Adjoint(eqx.Module):
    """How a march is computed so that JAX can differentiate it."""

    @abc.abstractmethod
    def march(self, loop: Loop, nodes: Nodes, inputs: Inputs) -> Outputs:
        """The march: a function of `inputs` that JAX can differentiate.

        Args:
            loop: The equation, the number of steps, the probe.
            nodes: Where is injected and recorded.
            inputs: All that is differentiated: coefficients, samples, interpolation weights, what a probe closes over.

        Returns:
            For each recorded field the values right after every step, `(time, shot, point)`, and the stacked probes (None
            without a probe).

        Raises:
            ValueError: If the adjoint cannot go back through this loop.
        """

    @abc.abstractmethod
    def sizes(self, loop: Loop, coefficients: PyTree, shots: int) -> Sizes:
        """What a gradient holds at once.

        Args:
            loop: The equation, the number of steps, the probe.
            coefficients: Those of the equation, or their shapes.
            shots: Number of shots.

        Returns:
            Bytes of a state, of what is kept of a block of steps, and of the rest.
        """

    def schedule(self, loop: Loop, sizes: Sizes) -> Schedule:
        """Into which segments time is cut.

        Args:
            loop: The equation, the number of steps, the probe.
            sizes: From `sizes`.

        Returns:
            The schedule: by default the one of one level that holds least.
        """
        return cut_time(loop.nt, loop.stride, sizes)


class AutoDiff(Adjoint):
    """Plain JAX differentiation of a checkpointed scan: the reference, and the way to `jax.jvp` (Born modelling).

    Use it for derivatives of any kind and order: Jacobian-vector products, Hessians, `jax.linearize`. Not for long gradients: it
    takes about twice the time of `ReverseSweep`, and more memory.

    Attributes:
        segment: Steps between stored states (default: about sqrt(nt)).

    Example:
        >>> grid = ads.Grid((12, 14), 10.0, 1e-3, 20)
        >>> survey = ads.Survey(ads.Explosion([[[50.0, 60.0]]], np.hanning(20)), [[20.0, 30.0]])
        >>> forward = lambda vp: ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, adjoint=ads.AutoDiff())
        >>> vp = jnp.full(grid.shape, 2000.0)
        >>> gather, born = jax.jvp(forward, (vp,), (jnp.ones_like(vp),))  # Born modelling
        >>> born.shape
        (1, 20, 1)
    """

    segment: int | None = eqx.field(default=None, static=True)

    def march(self, loop: Loop, nodes: Nodes, inputs: Inputs) -> Outputs:
        """Nested scans, whose inner one is recomputed by JAX when differentiated."""
        shots = next(iter(nodes.receivers.values())).shape[0]
        plan = self.schedule(loop, self.sizes(loop, inputs.coefficients, shots))
        course = March(loop, plan, nodes, loop.amplified(nodes, inputs))

        @jax.checkpoint
        def body(state: State, samples: dict[str, Array]) -> tuple[State, Outputs]:
            return course.advance(plan.segments[1:], state, samples)

        _, (records, probed) = lax.scan(body, course.start(), plan.fold(inputs.samples), length=plan.segments[0])
        return unfold(records, 3, loop.nt), unfold(probed, 2, -(-loop.nt // plan.steps))

    def sizes(self, loop: Loop, coefficients: PyTree, shots: int) -> Sizes:
        """Of every step the whole state."""
        return generic_sizes(loop, coefficients, shots)

    def schedule(self, loop: Loop, sizes: Sizes) -> Schedule:
        """Segments of `segment` steps."""
        return cut_time(loop.nt, loop.stride, sizes, segment=self.segment)


class ReverseSweep(Adjoint):
    """The reverse sweep: store a few states, recompute the segments between them backwards.

    By default the gradient is exact: the derivative of the discrete forward, to rounding. Equations that define a reverse step
    use it; any other, and a simulation with a `probe`, is swept by `jax.vjp` of its step. Use it for gradients; for forward
    derivatives (`jax.jvp` of a simulation itself) use `AutoDiff`.

    Attributes:
        segment: Steps whose states are held at a time (default: what makes the memory smallest).
        levels: Levels of segments (default: 1, or as few as `memory` allows). L levels hold about nt^(1 / (L + 1)) states, and
            compute the forward L times more; 0 holds what is kept of every step, and computes nothing twice. Exact.
        store: Precision in which the states of a segment are held. None, that of the fields, is exact; so is "float32" for
            float32 fields. "bfloat16" halves that memory and rounds what the adjoint is correlated with to three digits.
        stride: Steps from one that is correlated to the next. 1 is exact; k holds 2/k of the states of a segment, saves time, and
            samples the time integral of the medium's gradient at k dt. Gradients by sources and positions stay exact.
        memory: Budget for a gradient, bytes or text like "2 GB", on each device; chooses `levels`.
        turns: Groups that the shots are divided into, which are marched one after the other; a divisor of the number of shots.
            By default as few as keep the state of a group within a processor's cache, and one on other devices.

    Raises:
        ValueError: If a setting is out of range, or (in a simulation) nothing fits into `memory`, `turns` does not divide the
            shots, or `store`, `stride` or `turns` are asked for where there is no reverse step.

    Example:
        >>> grid = ads.Grid((12, 14), 10.0, 1e-3, 20)
        >>> survey = ads.Survey(ads.Explosion([[[50.0, 60.0]]], np.hanning(20)), [[20.0, 30.0]])
        >>> lean = ads.ReverseSweep(levels=2)
        >>> energy = lambda vp: jnp.sum(ads.simulate_scalar(ads.ScalarMedium(vp), survey, grid, adjoint=lean) ** 2)
        >>> jax.grad(energy)(jnp.full(grid.shape, 2000.0)).shape
        (12, 14)
    """

    segment: int | None = eqx.field(default=None, static=True)
    levels: int | None = eqx.field(default=None, static=True)
    store: str | None = eqx.field(default=None, static=True)
    stride: int = eqx.field(default=1, static=True)
    memory: float | int | str | None = eqx.field(default=None, static=True)
    turns: int | None = eqx.field(default=None, static=True)

    def __check_init__(self) -> None:
        for name in ("segment", "levels", "stride", "turns"):
            value = getattr(self, name)
            least = 0 if name == "levels" else 1
            if value is not None and (int(value) != value or value < least):
                raise ValueError(f"`{name}` = {value} must be a whole number, at least {least}.")
        if self.store not in (None, "float32", "bfloat16"):
            raise ValueError(f'`store` = {self.store!r} must be None (as computed), "float32" or "bfloat16".')
        if self.memory is not None:
            bytes_of(self.memory)

    def march(self, loop: Loop, nodes: Nodes, inputs: Inputs) -> Outputs:
        """By the equation's own reverse step where it has one."""
        inputs = backwards_only(inputs)
        if not self._swept(loop):
            return generic_sweep(loop, self._storage, nodes, loop.amplified(nodes, inputs))
        return swept(loop, self._storage, nodes, inputs), None

    def sizes(self, loop: Loop, coefficients: PyTree, shots: int) -> Sizes:
        """Of every step what `reverse_step` asks for; where there is none, the whole state."""
        if not self._swept(loop):
            return generic_sizes(loop, coefficients, shots)
        return swept_sizes(loop, self._storage, coefficients, shots)

    def schedule(self, loop: Loop, sizes: Sizes) -> Schedule:
        """Segments as the settings say."""
        return self._storage.schedule(loop, sizes, bodies=self._swept(loop))

    @property
    def _storage(self) -> Storage:
        """The settings, as the sweep takes them."""
        memory = None if self.memory is None else bytes_of(self.memory)
        return Storage(self.segment, self.levels, self.store, self.stride, memory, self.turns)

    def _swept(self, loop: Loop) -> bool:
        """Whether the equation's own reverse step is used."""
        if loop.probe is None and isinstance(loop.equation, SweptEquation):
            return True
        given = {"store": self.store, "turns": self.turns, "stride": None if self.stride == 1 else self.stride}
        asked = [f"`{name}` = {value!r}" for name, value in given.items() if value is not None]
        if asked:
            why = "it has a `probe`" if loop.probe is not None else "its equation has no reverse step"
            raise ValueError(f"{asked[0]} of ReverseSweep has no effect on this simulation, since {why}: leave it out.")
        return False
