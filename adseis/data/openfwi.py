"""OpenFWI: the operator that its gathers were made with, differentiable and batched, and its files.

`simulate` is the operator, to rounding; `proxy` the same survey within absorbing layers, for a fraction of the cost.
"""

from adseis.data.openfwi_dataset import Batch, Dataset, Sample
from adseis.data.openfwi_layout import SUBSETS, Subset
from adseis.data.openfwi_operator import proxy, simulate, simulate_maps
from adseis.data.openfwi_survey import Lines, lines, wavelet
from adseis.data.openfwi_writing import write_shard

__all__ = [
    "SUBSETS",
    "Batch",
    "Dataset",
    "Lines",
    "Sample",
    "Subset",
    "lines",
    "proxy",
    "simulate",
    "simulate_maps",
    "wavelet",
    "write_shard",
]
