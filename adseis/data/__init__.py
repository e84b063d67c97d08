"""Arrays on grids, in and out of files, and whole problems made of them: models, gathers, one format a file.

`models` and `gather_files` read what others write (HDF5, NumPy, MATLAB, SEG-Y, Seismic Unix, raw binary); `problems` makes an
experiment of a model or of nothing; `streams` takes what ObsPy has read, which is imported when it is first needed; `catalogue`
and `fetching` tell and get what the published figures were made with; `openfwi` and `globaltomo` are benchmarks' files;
`synthesis` makes data by the thousand.
"""

from adseis.data.gather_files import read_gathers, write_gathers
from adseis.data.gathers import Gathers
from adseis.data.joined_gathers import join_gathers
from adseis.data.models import Model, read_model, write_model
from adseis.data.streams import gathers_of_streams

__all__ = [
    "Gathers",
    "Model",
    "gathers_of_streams",
    "join_gathers",
    "read_gathers",
    "read_model",
    "write_gathers",
    "write_model",
]
