"""Options that every inversion of the command line has, and how its run begins."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from adseis.cli.runs import RunFolder
from adseis.cli.surveys import SurveyOptions
from adseis.objectives import misfits
from adseis.objectives.bands import Band

MisfitName = Literal[
    "l2", "l1", "normalized_correlation", "envelope", "instantaneous_phase", "traveltime", "adaptive", "wasserstein"
]


@dataclass(frozen=True)
class InversionOptions(SurveyOptions):
    """How an inversion goes."""

    iterations: int = 100
    """Most iterations of L-BFGS in the full band."""
    evaluations: int | None = None
    """Most gradient evaluations in all bands together."""
    bands: tuple[float, ...] = ()
    """Corner frequencies of low-pass bands to be fitted before the full band [Hz]; by default none, but two where the position of
    a source is sought."""
    band_iterations: int = 30
    """Most iterations in each of these bands."""
    misfit: MisfitName = "l2"
    """How data are compared; the others help where a start skips cycles or amplitudes are not to be trusted."""
    noise: float = 0.0
    """Standard deviation of Gaussian noise added to the data, relative to theirs."""
    seed: int = 0
    """Seed of the noise, and of where the search for a source starts."""
    output: Path = Path("runs/invert")
    """Folder of the run."""

    def check(self) -> None:
        """Refuse what cannot be right.

        Raises:
            ValueError: If it cannot.
        """
        if self.noise < 0:
            raise ValueError(f"`noise` = {self.noise} must not be negative.")

    def stages(self, standard: Sequence[float] = ()) -> list[Band]:
        """The bands in their order, the full one last.

        Args:
            standard: Corner frequencies where none are asked for [Hz].

        Returns:
            The bands.

        Raises:
            ValueError: If a number is not positive.
        """
        corners = sorted(self.bands or standard)
        return [Band(corner, self.band_iterations) for corner in corners] + [Band(None, self.iterations)]

    def misfit_function(self, dt: float) -> Callable[..., Any]:
        """The misfit with its default settings.

        Args:
            dt: Sampling interval of the gathers [s].

        Returns:
            `misfit(predicted, observed)`.
        """
        chosen = getattr(misfits, self.misfit)
        return functools.partial(chosen, dt=dt) if self.misfit in ("traveltime", "wasserstein") else chosen

    def with_noise(self, gathers: PyTree) -> PyTree:
        """Gathers with the noise that is asked for.

        Args:
            gathers: An array, or a tuple of them, each with noise after its own standard deviation.

        Returns:
            Gathers like these.
        """
        rng = np.random.default_rng(self.seed)

        def noisy(clean: Any) -> Any:
            return clean + self.noise * jnp.std(clean) * rng.standard_normal(clean.shape).astype(clean.dtype)

        return jax.tree.map(noisy, gathers)


def begin(config: InversionOptions) -> RunFolder:
    """The folder of a run; journals of another run are removed from it.

    Args:
        config: The options, resolved.

    Returns:
        The folder.

    Raises:
        OSError: If it cannot be written.
    """
    folder = RunFolder(config.output, config, seed=config.seed)
    if not folder.resumed:
        for old in folder.path.glob("journal*.h5"):
            old.unlink()
    return folder
