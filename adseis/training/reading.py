"""Which samples a step takes, as a function of its number, and a thread that reads them ahead."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

_Batch = TypeVar("_Batch")


class Order:
    """Numbers of the samples of each step: every epoch visits each once, in an order of its own, and drops an incomplete batch.

    A step's samples depend on the seed and its number alone, so that a run that was killed goes on with the same.

    Args:
        samples: How many there are.
        batch: How many a step takes.
        seed: Of the orders.

    Raises:
        ValueError: If there are fewer samples than a batch takes, or none.
    """

    def __init__(self, samples: int, batch: int, *, seed: int = 0):
        if samples < 1 or batch < 1:
            raise ValueError(f"`samples` = {samples} and `batch` = {batch} must be at least 1: there is nothing to train with.")
        if batch > samples:
            raise ValueError(f"`batch` = {batch} is more than the {samples} samples that there are. Take a smaller one.")
        self.samples, self.batch, self.seed = samples, batch, seed
        self.steps = samples // batch
        self._epoch, self._order = -1, np.zeros(0, np.int64)
        self._lock = threading.Lock()

    def __call__(self, step: int) -> np.ndarray:
        """Of one step.

        Args:
            step: Its number, from zero.

        Returns:
            Numbers of its samples, `(batch,)`.
        """
        epoch, at = divmod(step, self.steps)
        with self._lock:
            if epoch != self._epoch:
                self._epoch, self._order = epoch, np.random.default_rng([self.seed, epoch]).permutation(self.samples)
            return self._order[at * self.batch : (at + 1) * self.batch]


@contextmanager
def read_ahead(batches: Callable[[int], _Batch], first: int, last: int, *, depth: int = 3) -> Iterator[Iterator[_Batch]]:
    """The batches of some steps in turn, read by a thread while the steps before are made.

    Args:
        batches: From the number of a step to its batch.
        first: First step.
        last: The one after the last.
        depth: How many are kept ready.

    Yields:
        The batches; what their reading raises is raised where they are taken.
    """
    reader = _Reader(batches, range(first, last), depth)
    reader.start()
    try:
        yield reader.taken()
    finally:
        reader.ended.set()
        reader.join()


class _Reader(threading.Thread):
    """Puts batches into a queue until it is told that nobody wants more."""

    def __init__(self, batches: Callable[[int], Any], steps: range, depth: int):
        super().__init__(daemon=True, name="batches")
        self.ended = threading.Event()
        self._batches, self._steps = batches, steps
        self._ready: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(depth)

    def run(self) -> None:
        try:
            for step in self._steps:
                if not self._put((self._batches(step), None)):
                    return
        except BaseException as error:  # to be raised by whoever waits for the batch
            self._put((None, error))

    def taken(self) -> Iterator[Any]:
        """Batches in turn."""
        for _ in self._steps:
            batch, error = self._ready.get()
            if error is not None:
                raise error
            yield batch

    def _put(self, item: tuple[Any, BaseException | None]) -> bool:
        while not self.ended.is_set():
            try:
                self._ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False
