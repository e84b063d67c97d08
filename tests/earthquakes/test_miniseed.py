"""Records of miniSEED walked by their own lengths: legal mixtures are whole, and a cut is told wherever it is."""

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from events import make_trace

from adseis.earthquakes.miniseed import find_cut
from adseis.earthquakes.seismic_files import read_waveforms

obspy = pytest.importorskip("obspy")

NOISE = b"000007" + 506 * b" "


def records(length, count, *, name="XX.STA..BHZ", byteorder=">", blockette=True):
    """So many records of a channel."""
    fits = (length - 64) // 4
    trace = make_trace(name, np.random.default_rng(0).integers(-9, 9, fits * count).astype("int32"))
    file = io.BytesIO()
    trace.write(file, format="MSEED", reclen=length, encoding="INT32", byteorder=byteorder)
    content = file.getvalue()
    assert len(content) == length * count
    if blockette:
        return content
    cut = bytearray(content)
    for at in range(0, len(cut), length):
        cut[at + 46 : at + 48] = b"\0\0"  # the header's pointer to blockette 1000
    return bytes(cut)


MIXTURES = {
    "long, then short": records(4096, 2) + records(512, 14, name="XX.STA..BHN"),
    "short, then long": records(512, 3, name="XX.STA..BHN") + records(4096, 1),
    "noise between and after": records(512, 1) + NOISE[:128] + records(512, 2) + NOISE + records(256, 1) + NOISE[:256],
    "both byte orders": records(512, 2) + records(256, 3, byteorder="<"),
    "no blockette 1000": records(512, 2, blockette=False) + records(1024, 1, blockette=False),
    "padded": records(512, 2) + bytes(100),
    "a line end": records(512, 2) + b"\n",
}


@pytest.mark.parametrize("content", MIXTURES.values(), ids=MIXTURES)
def test_whole(content):
    assert find_cut(content) is None


@pytest.mark.parametrize("name", ["long, then short", "short, then long", "both byte orders"])
def test_cut(name):
    """A file ends well between records alone: anywhere else the record that is cut is named, with its length."""
    content = MIXTURES[name]
    begins = {"long, then short": [0, 4096, *range(8192, 15360, 512)], "short, then long": [0, 512, 1024, 1536]}.get(
        name, [0, 512, 1024, 1280, 1536]
    )
    for begin, end in zip(begins, [*begins[1:], len(content)], strict=True):
        for kept in (60, 100, 200, end - begin - 1):
            assert find_cut(content[: begin + kept]) == (begin, end - begin)
        assert find_cut(content[: begin + 20])[0] == begin if begin else find_cut(content[:20]) is None


def test_files(tmp_path):
    """What ObsPy reads of a mixture comes whole; of a cut one, compressed or not, the error names the file and the record."""
    content = MIXTURES["long, then short"]
    (tmp_path / "whole.mseed").write_bytes(content)
    stream = read_waveforms(tmp_path / "whole.mseed")
    assert [(trace.stats.channel, trace.stats.npts) for trace in stream] == [("BHZ", 2016), ("BHN", 1568)]
    (tmp_path / "cut.mseed").write_bytes(content[:-100])
    with pytest.raises(
        ValueError, match=r"cut.mseed` is truncated: its record at byte 14848 is of 512 bytes, .* 412 bytes later"
    ):
        read_waveforms(str(tmp_path / "*.mseed"))
    (tmp_path / "cut.mseed.gz").write_bytes(gzip.compress(content[:-100]))
    with pytest.raises(ValueError, match=r"cut.mseed.gz` is truncated: its record at byte 14848"):
        read_waveforms(tmp_path / "cut.mseed.gz")


def test_published_noise():
    """ObsPy's file of four records between noise of 128 to 1024 bytes; cut in its last record it is told."""
    path = Path(obspy.__file__).parent / "io/mseed/tests/data/various_noise_records.mseed"
    if not path.is_file():
        pytest.skip("ObsPy comes without its test data")
    assert [trace.stats.station for trace in read_waveforms(path)] == ["NV30", "NV31", "NV32", "NV33"]
    content = path.read_bytes()
    assert find_cut(content[:-1]) == (3968, 512)
    assert find_cut(content[:3968]) is None
