"""Options that say what is simulated: the model, the survey over it, and the physics. Shared by the commands."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from adseis.data.experiments import Experiment, crust_experiment, stored_experiment, surface_experiment
from adseis.data.models import Model, names_in, read_model
from adseis.waves.acoustic import simulate_acoustic
from adseis.waves.cpml import CPML
from adseis.waves.medium import AcousticMedium, ScalarMedium
from adseis.waves.scalar import simulate_scalar
from adseis.waves.stability import resolved_frequency


class Problem(NamedTuple):
    """An experiment with its physics.

    Attributes:
        experiment: Models, survey, grid.
        medium: From a P-wave speed to the medium that is simulated.
        forward: From a P-wave speed to the gathers.
        options: Options of the simulation: order, boundary, free surface.
    """

    experiment: Experiment
    medium: Callable[[Any], Any]
    forward: Callable[[Any], Any]
    options: dict[str, Any]


@dataclass(frozen=True)
class SurveyOptions:
    """What is simulated."""

    model: Path | None = None
    """P-wave speed: .mat (ADSeismic's layout, with its stored survey), .h5 (ours or JUDI's), .npy or raw .bin (float32)."""
    axes: str | None = None
    """Order of the axes in the file, such as xz or zx; by default what the format says."""
    spacing: tuple[float, ...] | None = None
    """Distance between nodes along z, x [m], where the file does not say."""
    shape: tuple[int, ...] | None = None
    """Shape of the array in a raw file, in the order of its axes."""
    shots: int = 8
    """Shots of a surface line, where the file stores no survey."""
    frequency: float | None = None
    """Peak frequency of its Ricker wavelet [Hz]; by default what the model's sampling resolves."""
    depth: float | None = None
    """Depth of its shots and receivers [m]; by default one node."""
    duration: float | None = None
    """Length of its record [s]."""
    physics: Literal["scalar", "acoustic"] = "scalar"
    """Constant density, or variable: the file's `rho`, or Gardner's relation where it has none."""
    order: int = 4
    """Spatial accuracy: 2, 4, 6 or 8."""
    width: int = 20
    """Cells of absorbing layer."""
    free_surface: bool = False
    """Whether the top of the model is a free surface."""

    @property
    def recorded(self) -> str:
        """What the receivers record, for labels."""
        return "u" if self.physics == "scalar" else "pressure [Pa]"

    def problem(self, initial: Path | None = None, smooth: float | None = None) -> Problem:
        """Read everything and check it.

        Args:
            initial: File of the initial model.
            smooth: Standard deviation [m] of the smoothing that makes an initial model of the true one; by default an eighth of
                the model's depth.

        Returns:
            What to simulate.

        Raises:
            FileNotFoundError: If a file does not exist.
            ValueError: If an option or a file cannot be right.
        """
        experiment = self._experiment(initial, smooth)
        options = {"order": self.order, "boundary": CPML(width=self.width), "free_surface": self.free_surface}
        if self.physics == "scalar":
            medium: Callable[[Any], Any] = ScalarMedium
            simulate: Callable[..., Any] = simulate_scalar
        else:
            rho = self._density(experiment.initial)
            medium, simulate = (lambda vp: AcousticMedium(vp, rho)), simulate_acoustic
        forward = lambda vp: simulate(medium(vp), experiment.survey, experiment.grid, **options)  # noqa: E731
        return Problem(experiment, medium, forward, options)

    def _experiment(self, initial: Path | None, smooth: float | None) -> Experiment:
        if self.model is None:
            if initial is not None:
                raise ValueError(f"`initial` = {initial} needs a true `model` beside it, whose waveforms are inverted.")
            return crust_experiment() if self.frequency is None else crust_experiment(frequency=self.frequency)
        true, start = self._read(self.model), None if initial is None else self._read(initial)
        if {"source", "receiver"} <= set(names_in((start or true).source_file)):
            return stored_experiment(true, start, smooth=smooth)
        frequency = self.frequency
        if frequency is None:
            frequency = resolved_frequency(float(true.values.min()), true.spacing, self.order)
        return surface_experiment(
            true, start, shots=self.shots, frequency=frequency, depth=self.depth, duration=self.duration, smooth=smooth
        )

    def _read(self, path: Path, name: str = "vp") -> Model:
        return read_model(path, name=name, axes=self.axes, spacing=self.spacing, shape=self.shape)

    def _density(self, vp: np.ndarray) -> np.ndarray:
        if self.model is not None and "rho" in names_in(self.model):
            return self._read(self.model, "rho").values
        return (310 * vp**0.25).astype(vp.dtype)
