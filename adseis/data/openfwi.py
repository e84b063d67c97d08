"""OpenFWI: the operator that its gathers were made with, differentiable and batched, and its files.

`simulate` is the operator, to rounding; `proxy` the same survey within absorbing layers, for a fraction of the cost. `Dataset`
reads the files, `write_shard` writes such; `compare` tells how stored gathers differ from simulated ones.
"""

from adseis.data.openfwi_compare import Comparison, Difference, compare
from adseis.data.openfwi_dataset import Batch, Dataset, Sample
from adseis.data.openfwi_elastic import ElasticBatch, ElasticDataset, ElasticSample
from adseis.data.openfwi_kaggle import KaggleBatch, KaggleSample, KaggleTest, read_submission, write_submission
from adseis.data.openfwi_layout import SUBSETS, Subset
from adseis.data.openfwi_operator import proxy, simulate, simulate_maps
from adseis.data.openfwi_shrinking import shrink, write_shrunk
from adseis.data.openfwi_splits import read_split, split, write_split
from adseis.data.openfwi_survey import Lines, lines, wavelet
from adseis.data.openfwi_writing import shard_paths, write_shard

__all__ = [
    "SUBSETS",
    "Batch",
    "Comparison",
    "Dataset",
    "Difference",
    "ElasticBatch",
    "ElasticDataset",
    "ElasticSample",
    "KaggleBatch",
    "KaggleSample",
    "KaggleTest",
    "Lines",
    "Sample",
    "Subset",
    "compare",
    "lines",
    "proxy",
    "read_split",
    "read_submission",
    "shard_paths",
    "shrink",
    "simulate",
    "simulate_maps",
    "split",
    "wavelet",
    "write_shard",
    "write_shrunk",
    "write_split",
    "write_submission",
]
