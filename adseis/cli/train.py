"""`adseis train`: networks that invert gathers; each of its commands is a file of its own, `train_*.py`."""

from dataclasses import dataclass

from adseis.cli import train_adapt, train_demo, train_evaluate, train_export, train_openfwi, train_predict
from adseis.cli.parsing import Family


@dataclass(frozen=True)
class Train:
    """Train networks that make maps of velocity of OpenFWI's gathers; evaluate, adapt and export them."""


TRAIN = Family(
    Train,
    {
        "demo": (train_demo.Demo, train_demo.run),
        "openfwi": (train_openfwi.TrainOpenfwi, train_openfwi.run),
        "evaluate": (train_evaluate.Evaluate, train_evaluate.run),
        "adapt": (train_adapt.Adapt, train_adapt.run),
        "predict": (train_predict.Predict, train_predict.run),
        "export": (train_export.Export, train_export.run),
    },
    "demo",
)
