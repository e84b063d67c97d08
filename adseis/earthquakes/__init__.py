"""An earthquake's files and geography: what ObsPy reads, brought to the clock, the axes and the metres of a grid.

`read_ground_motion` takes the instruments off, a `Frame` lays a grid on the Earth, `on_grid` makes gathers of seismograms, and
`to_stream` seismograms of gathers; `read_moment_tensors` reads what catalogues say of the source. ObsPy is imported when it is
first needed.
"""

from adseis.earthquakes.geography import Frame
from adseis.earthquakes.ground_motion import read_ground_motion
from adseis.earthquakes.hypocentres import Hypocentre
from adseis.earthquakes.moment_tensors import CentroidMomentTensor, read_moment_tensors
from adseis.earthquakes.seismic_files import read_events, read_stations, read_waveforms
from adseis.earthquakes.stations import StationRecords, on_grid, to_stream

__all__ = [
    "CentroidMomentTensor",
    "Frame",
    "Hypocentre",
    "StationRecords",
    "read_ground_motion",
    "on_grid",
    "read_events",
    "read_moment_tensors",
    "read_stations",
    "read_waveforms",
    "to_stream",
]
