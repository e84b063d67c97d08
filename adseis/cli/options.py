"""What the options that commands share come to: models, surveys and physics, misfits and bands, the folder of a run."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from adseis.cli.flags import changed
from adseis.cli.folders import choose
from adseis.cli.option_groups import DescentOptions, LineOptions, ModelOptions, OutputOptions, Physics, PhysicsOptions
from adseis.cli.runs import RunFolder, versions
from adseis.data.catalogue import CATALOGUE
from adseis.data.models import Model, names_in, read_model
from adseis.data.problems import Experiment, crust_experiment, stored_experiment, surface_experiment
from adseis.experiment.grid import Grid
from adseis.experiment.medium import AcousticMedium, ElasticMedium, ScalarMedium
from adseis.experiment.moduli import gardner_density, poisson_shear
from adseis.experiment.sampling import check_order, resolved_frequency
from adseis.experiment.survey import Survey
from adseis.objectives import misfits
from adseis.objectives.bands import Band
from adseis.parallel.shots import shard_shots
from adseis.waves.acoustic import simulate_acoustic
from adseis.waves.cpml import CPML
from adseis.waves.elastic import simulate_elastic
from adseis.waves.scalar import simulate_scalar

OF_A_LINE, OF_A_FILE = ("shots", "depth", "duration"), ("axes", "spacing", "shape", "unit", "endian")
KILOMETRES = 50.0
"""Of a speed below as many m/s kilometres were meant."""
Options = TypeVar("Options", bound="SurveyOptions")


class Solver(NamedTuple):
    """The physics of a model.

    Attributes:
        simulate: `simulate_scalar`, `simulate_acoustic` or `simulate_elastic`.
        medium: From a P-wave speed to the medium that is simulated.
        options: Options of the simulation: order, boundary, free surface, what is recorded.
    """

    simulate: Callable[..., Any]
    medium: Callable[[Any], Any]
    options: dict[str, Any]

    def gathers(self, vp: Any, survey: Survey, grid: Grid) -> Any:
        """Simulate, every device its share of the shots.

        Args:
            vp: P-wave speed [m/s].
            survey: Sources and receivers.
            grid: Space-time sampling.

        Returns:
            What the receivers record.
        """
        devices = jax.devices()[: len(survey.emissions(grid)[0].position)]
        survey = shard_shots(survey, devices) if len(devices) > 1 else survey
        return self.simulate(self.medium(vp), survey, grid, **self.options)


def described(grid: Grid) -> str:
    """A grid in words, so that a model that was turned is seen.

    Args:
        grid: The grid.

    Returns:
        Nodes, depth and width.
    """
    depth, width = ((n - 1) * h for n, h in zip(grid.shape, grid.spacing, strict=True))
    return f"{grid.shape[0]} x {grid.shape[1]} nodes, {depth:,.6g} m deep and {width:,.6g} m wide"


def setting_of(grid: Grid, solver: Solver, **more: object) -> dict[str, object]:
    """What a run was made with, for its report.

    Args:
        grid: Space-time sampling.
        solver: The physics.
        more: Further rows, by their names in words.

    Returns:
        Row of the table -> its value.
    """
    options = solver.options
    return {
        "physics": solver.simulate.__name__.removeprefix("simulate_"),
        "model": described(grid),
        "spacing (m)": " x ".join(f"{h:g}" for h in grid.spacing),
        **more,
        "dt (s)": grid.dt,
        "steps": grid.nt,
        "order": options["order"],
        "top": "free surface" if options["free_surface"] else "absorbs",
        "device": versions()["device"],
    }


@dataclass(frozen=True)
class SurveyOptions(OutputOptions, PhysicsOptions, LineOptions, ModelOptions):
    """What is simulated."""

    @property
    def recorded(self) -> str:
        """What the receivers record, for labels."""
        return {"scalar": "u", "acoustic": "pressure [Pa]", "elastic": "vz [m/s]"}[self.physics or "scalar"]

    @property
    def field(self) -> str:
        """What the receivers record, as `record` of the simulations names it."""
        return {"scalar": "u", "acoustic": "p", "elastic": "vz"}[self.physics or "scalar"]

    @property
    def recorded_unit(self) -> str:
        """Its unit."""
        return {"scalar": "1", "acoustic": "Pa", "elastic": "m/s"}[self.physics or "scalar"]

    def resolved(self: Options, standard: Physics = "scalar") -> Options:
        """The same with its physics decided.

        Args:
            standard: Physics where none is asked for.

        Returns:
            The options.
        """
        return self if self.physics else dataclasses.replace(self, physics=standard)

    def check(self) -> None:
        """Refuse what cannot be right.

        Raises:
            ValueError: If it cannot.
        """
        if self.noise is not None and self.noise < 0:
            raise ValueError(f"`noise` = {self.noise:g} must not be negative.")

    def experiment(self, initial: Path | None = None, smooth: float | None = None) -> Experiment:
        """Models, survey and grid: of the files, or the embedded ones.

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
        if self.model is None:
            if initial is not None:
                raise ValueError(f"`initial` = {initial} needs a true `model` beside it, whose waveforms are inverted.")
            standard = 0.7 if self.physics == "elastic" else 1.2  # S waves are shorter
            useless = changed(self, SurveyOptions(), (*OF_A_LINE, *OF_A_FILE))
            if useless:
                raise ValueError(
                    f"{useless[0]} is of no use to the embedded problem, whose survey and model are its own. Leave it out, or "
                    "give a `model`."
                )
            return crust_experiment(frequency=standard if self.frequency is None else self.frequency)
        true, start = self.read(self.model), None if initial is None else self.read(initial)
        if {"source", "receiver"} <= set(names_in((start or true).source_file)):
            useless = changed(self, SurveyOptions(), (*OF_A_LINE, "frequency"))
            if useless:
                raise ValueError(f"{useless[0]} is of no use to `{self.model}`, which brings its own survey. Leave it out.")
            return stored_experiment(true, start, smooth=smooth)
        frequency = self.frequency
        if frequency is None:
            slowest = true.values if self.physics != "elastic" else self.shear_speed(true.values)
            frequency = resolved_frequency(float(slowest[slowest > 0].min()), true.spacing, self.order)
        return surface_experiment(
            true, start, shots=self.shots, frequency=frequency, depth=self.depth, duration=self.duration, smooth=smooth
        )

    def with_noise(self, gathers: PyTree) -> PyTree:
        """Gathers with the noise that is asked for.

        Args:
            gathers: An array, or a tuple of them, each with noise after its own standard deviation.

        Returns:
            Gathers like these.
        """
        rng = np.random.default_rng(self.seed)

        def noisy(clean: Any) -> Any:
            return clean + (self.noise or 0.0) * jnp.std(clean) * rng.standard_normal(clean.shape).astype(clean.dtype)

        return jax.tree.map(noisy, gathers)

    def solver(self, vp: np.ndarray, *, components: tuple[str, ...] = ("vz",)) -> Solver:
        """The physics of a model.

        Args:
            vp: P-wave speed [m/s], from which what the file does not hold is derived.
            components: What is recorded in a solid; of one component a gather, of several a tuple.

        Returns:
            The solver.

        Raises:
            ValueError: If an option or the file cannot be right.
        """
        order = check_order(self.order)
        options = {"order": order, "boundary": CPML(width=self.width), "free_surface": self.free_surface}
        if self.physics == "elastic":
            rho, vs = self._density(vp), self.shear_speed(vp)
            options |= {"record": components[0] if len(components) == 1 else components}
            return Solver(simulate_elastic, lambda vp: ElasticMedium(vp, vs, rho), options)
        if self.physics == "acoustic":
            rho = self._density(vp)
            return Solver(simulate_acoustic, lambda vp: AcousticMedium(vp, rho), options)
        return Solver(simulate_scalar, ScalarMedium, options)

    def read(self, path: Path, name: str = "vp") -> Model:
        """A model file, with the axes, spacing and shape that the options say.

        Args:
            path: The file.
            name: Of the parameter.

        Returns:
            The model.

        Raises:
            FileNotFoundError: If it does not exist.
            ValueError: If it is damaged, or an option does not fit it.
        """
        if path.name in CATALOGUE and not path.exists():
            files = " and ".join(file.name for file in CATALOGUE[path.name].files)
            raise ValueError(f"no model file at `{path}`; `adseis fetch {path.name}` fetches {files}.")
        model = read_model(
            path, name=name, axes=self.axes, spacing=self.spacing, shape=self.shape, unit=self.unit, endian=self.endian
        )
        fastest = float(model.values.max())
        if name == "vp" and fastest < KILOMETRES:
            raise ValueError(
                f"`{path}`: its fastest vp is {fastest:.3g} m/s, which no rock is. If it is in km/s, say --unit km/s."
            )
        return model

    def shear_speed(self, vp: np.ndarray) -> np.ndarray:
        """S-wave speed: the file's, else vp / sqrt(3), zero in water.

        Args:
            vp: P-wave speed [m/s].

        Returns:
            Speed [m/s], like `vp`.

        Raises:
            ValueError: If the file's is damaged.
        """
        if self.model is not None and "vs" in names_in(self.model):
            return self.read(self.model, "vs").values
        return np.asarray(poisson_shear(vp))

    def _density(self, vp: np.ndarray) -> np.ndarray:
        if self.model is not None and "rho" in names_in(self.model):
            return self.read(self.model, "rho").values
        return np.asarray(gardner_density(vp))


@dataclass(frozen=True)
class InversionOptions(DescentOptions, SurveyOptions):
    """What is simulated, and how its inversion goes."""

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


def open_folder(config: OutputOptions, standard: str, *, seed: int | None = None) -> RunFolder:
    """The folder of a run.

    Args:
        config: The options, resolved.
        standard: Name of the folder under `runs/` unless the options say another.
        seed: Seed of the run's random numbers.

    Returns:
        The folder, to be used in a `with` block.

    Raises:
        OSError: If it cannot be written, or holds another run.
    """
    return RunFolder(choose(config, standard), config, seed=seed, overwrite=config.overwrite)
