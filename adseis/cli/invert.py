"""`adseis invert`: a velocity model, a source's position, a rupture or a moment tensor from waveforms.

Each problem is a file of its own: `invert_velocity`, `invert_location`, `invert_rupture`, `invert_moment_tensor`; and
`invert_recorded`, a velocity model from data that are not simulated but read; `invert_openfwi`, maps of OpenFWI's kind; and
`invert_globe`, the structure of a ball.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from adseis.cli import invert_globe, invert_openfwi, invert_recorded, invert_source, invert_velocity
from adseis.cli.flags import changed
from adseis.cli.invert_globe import GlobeOptions
from adseis.cli.invert_location import LocationOptions, LocationProblem
from adseis.cli.invert_moment_tensor import MomentTensorOptions, MomentTensorProblem
from adseis.cli.invert_rupture import RuptureOptions, RuptureProblem
from adseis.cli.invert_source import SourceProblem
from adseis.cli.openfwi_maps import RefinementOptions
from adseis.cli.option_groups import (
    DataOptions,
    LineOptions,
    MapOptions,
    OutputOptions,
    Physics,
    PhysicsOptions,
    StartOptions,
    UpdateOptions,
)
from adseis.cli.options import InversionOptions
from adseis.cli.recorded_files import RecordedOptions
from adseis.cli.source_setting import Setting, Stations, make_setting
from adseis.data.trace_options import HeaderOptions

ProblemName = Literal["velocity", "location", "rupture", "moment-tensor", "openfwi", "globe"]


@dataclass(frozen=True)
class Chosen:
    """What is sought, the first of all options.

    Attributes:
        problem: A P-wave speed; a source's position and time function; what the points of a fault did; or an earthquake's
            position, moment tensor and moment-rate function, in which the model is known; maps of OpenFWI's, by --data; or the
            3D structure of a ball.
    """

    problem: ProblemName = "velocity"


@dataclass(frozen=True)
class Invert(RefinementOptions, Chosen):
    """Recover from waveforms a velocity model, or a source: its position, its rupture, its moment tensor (--problem).

    The waveforms are simulated and inverted; or recorded ones are, by --data line.segy --initial vp.h5. With no option at all an
    embedded problem runs: for a velocity model, a layered crust with four elliptical inclusions under four plane waves from
    below; for a source, the same layers with stations at the surface and in two boreholes. The run folder gets pictures,
    `report.md`, `result.h5`, `metrics.jsonl` and the resolved `config.toml`; a run that was killed and is started again
    continues.
    """

    stations: Stations = field(default_factory=Stations)
    location: LocationOptions = field(default_factory=LocationOptions)
    rupture: RuptureOptions = field(default_factory=RuptureOptions)
    moment_tensor: MomentTensorOptions = field(default_factory=MomentTensorOptions)
    globe: GlobeOptions = field(default_factory=GlobeOptions)

    GROUPS: ClassVar = {
        "": Chosen,
        "model": StartOptions,
        "survey": LineOptions,
        "physics": PhysicsOptions,
        "inversion": UpdateOptions,
        "output": OutputOptions,
        "data": DataOptions,
        "headers": HeaderOptions,
        "openfwi": MapOptions,
        "stations": Stations,
        "location": LocationOptions,
        "rupture": RuptureOptions,
        "moment_tensor": MomentTensorOptions,
        "globe": GlobeOptions,
    }
    EXAMPLES: ClassVar[str] = """examples:
  adseis invert                                         the embedded layered crust, a few minutes
  adseis invert --model vp.npy --spacing 10 --bands 4   a line over a model of yours, low frequencies first
  adseis invert --data line.segy --initial vp.h5        data of yours, of one file or several
  adseis invert --problem openfwi --data gathers.npy --initial predicted.npy --samples 0-9
                                                        ten maps of a network, refined by their gathers
  adseis invert --problem globe                         a small ball's structure from three sources, a few minutes
"""


PROBLEMS: dict[str, Callable[[Any, Setting, InversionOptions], SourceProblem]] = {
    "location": LocationProblem,
    "rupture": RuptureProblem,
    "moment-tensor": MomentTensorProblem,
}
"""Name -> problem, made of the group of options of the same name, a setting, and all options."""
PHYSICS: dict[str, Physics] = {"rupture": "elastic", "moment-tensor": "elastic"}
"""Physics of a problem where none is asked for, other than scalar."""


def run(config: Invert) -> int:
    """Solve the problem that is asked for, and leave a run folder.

    Args:
        config: The options.

    Returns:
        Exit code 0.

    Raises:
        FileNotFoundError: If a model file does not exist.
        ValueError: If an option or a file cannot be right, or belongs to another problem.
        RuntimeError: If a value is out of range in the simulation.
        OSError: If the run folder cannot be written.
    """
    refuse_foreign(config)
    if config.problem == "openfwi":
        return invert_openfwi.run(config)
    if config.problem == "globe":
        return invert_globe.run(config)
    config = config.resolved(PHYSICS.get(config.problem, "scalar"))
    if config.data:
        return invert_recorded.run(config)
    invert_recorded.refuse_recorded(config)
    if config.problem == "velocity":
        return invert_velocity.run(config)
    setting = make_setting(config, config.stations)
    problem = PROBLEMS[config.problem](getattr(config, group_of(config.problem)), setting, config)
    return invert_source.run(config, problem)


def group_of(problem: str) -> str:
    """The group of options that is a source problem's own.

    Args:
        problem: Its name.

    Returns:
        Name of the field of `Invert`.
    """
    return problem.replace("-", "_")


def refuse_foreign(config: Invert) -> None:
    """Refuse options that another problem would use.

    Args:
        config: The options.

    Raises:
        ValueError: If one was given, naming it and the problems that it belongs to.
    """
    shared, of_velocity, of_maps = (
        {field.name for kind in kinds for field in dataclasses.fields(kind)}
        for kinds in ((InversionOptions,), (RecordedOptions,), (MapOptions,))
    )
    users = {name: ["velocity", *PROBLEMS] for name in shared} | {name: ["velocity"] for name in of_velocity - shared | {"shots"}}
    users |= {"stations": [*PROBLEMS]} | {group_of(problem): [problem] for problem in PROBLEMS}
    others = {"openfwi": invert_openfwi.USED, "globe": invert_globe.USED}
    users = {name: [*problems, *(other for other, used in others.items() if name in used)] for name, problems in users.items()}
    users |= {name: ["openfwi"] for name in of_maps} | {"globe": ["globe"]}
    standard = Invert()
    for name, problems in users.items():
        useless = changed(config, standard, [name])
        if config.problem not in problems and useless:
            raise ValueError(
                f"{useless[0]} is of no use to --problem {config.problem}; it belongs to {' and '.join(problems)}. Leave it out."
            )
