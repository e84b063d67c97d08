"""GlobalTomo: structures of a ball or the Earth in spherical harmonics, and their waves, in its files (arXiv:2406.18202).

`Dataset` reads them; `write_seismograms`, `write_slices` and `write_fourier` write such, `synthesize_shards` makes many with a
solver of yours, `maker` with ours; `pack`, `unpack` and `on_azimuths` are the packing of Fourier series in azimuth.
"""

from adseis.data.globaltomo_balls import BallWaves
from adseis.data.globaltomo_dataset import Dataset
from adseis.data.globaltomo_draws import LatinHypercube
from adseis.data.globaltomo_fluid import FluidWaves
from adseis.data.globaltomo_joining import join
from adseis.data.globaltomo_packing import by_component, left_out, of_components, on_azimuths, pack, unpack
from adseis.data.globaltomo_recording import Recording
from adseis.data.globaltomo_samples import Batch, Sample, Simulated
from adseis.data.globaltomo_scaling import SCALING, Scaling
from adseis.data.globaltomo_setups import Setup
from adseis.data.globaltomo_solid import SolidWaves
from adseis.data.globaltomo_solvers import SOLVERS, maker
from adseis.data.globaltomo_splits import Split, split
from adseis.data.globaltomo_stations import Stations, slice_points, station_grid
from adseis.data.globaltomo_synthesis import DrawAgain, GlobalTomo, draw_uniform, synthesize_shards
from adseis.data.globaltomo_tiers import TIERS, Tier, tier_named
from adseis.data.globaltomo_writing import (
    rows_written,
    write_fourier,
    write_seismograms,
    write_slices,
    write_sources,
)

__all__ = [
    "SCALING",
    "SOLVERS",
    "TIERS",
    "BallWaves",
    "Batch",
    "Dataset",
    "DrawAgain",
    "FluidWaves",
    "GlobalTomo",
    "LatinHypercube",
    "Recording",
    "Sample",
    "Scaling",
    "Setup",
    "Simulated",
    "SolidWaves",
    "Split",
    "Stations",
    "Tier",
    "by_component",
    "draw_uniform",
    "join",
    "left_out",
    "maker",
    "of_components",
    "on_azimuths",
    "pack",
    "rows_written",
    "slice_points",
    "split",
    "station_grid",
    "synthesize_shards",
    "tier_named",
    "unpack",
    "write_fourier",
    "write_seismograms",
    "write_slices",
    "write_sources",
]
