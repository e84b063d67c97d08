"""Figures are saved whole, in the format that the name says, and leave pyplot alone."""

import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.image import imread

from adseis.viz.curves import plot_curve
from adseis.viz.figures import figure_of, new_figure, save_figure


def test_save(tmp_path):
    """4 x 3 inches at 50 dots per inch are 200 x 150 pixels; nothing else is left in the folder."""
    figure = new_figure(4.0, 3.0)
    figure.add_subplot().plot([1, 2, 3])
    assert save_figure(figure, tmp_path / "new" / "a.png", dpi=50) == tmp_path / "new" / "a.png"
    picture = imread(tmp_path / "new" / "a.png")
    assert picture.shape == (150, 200, 4)
    assert picture.std() > 0
    save_figure(figure, tmp_path / "new" / "a.pdf")
    assert (tmp_path / "new" / "a.pdf").read_bytes().startswith(b"%PDF")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.pdf", "a.png"]


def test_no_global_state():
    """Drawing neither chooses a backend nor registers a figure with pyplot."""
    backend = matplotlib.get_backend(auto_select=False)
    plot_curve(np.ones(3))
    assert matplotlib.get_backend(auto_select=False) == backend
    if "matplotlib.pyplot" in sys.modules:
        assert sys.modules["matplotlib.pyplot"].get_fignums() == []


def test_faults(tmp_path):
    with pytest.raises(ValueError, match=r"a.xyz`: no picture format '.xyz'; use one of .*png"):
        save_figure(new_figure(1.0, 1.0), tmp_path / "a.xyz")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write|Not a directory"):
        save_figure(new_figure(1.0, 1.0), tmp_path / "file" / "a.png")
    axes = new_figure(1.0, 1.0).add_subplot()
    axes.remove()
    with pytest.raises(ValueError, match="belongs to no figure"):
        figure_of(axes)


def test_notebooks_show_a_figure():
    """IPython asks for the PNG itself."""
    assert new_figure(2.0, 1.0)._repr_png_().startswith(b"\x89PNG")


def test_a_script_shows_a_figure_in_the_browser(monkeypatch, tmp_path):
    """The whole picture is there when the browser is asked for it; where there is none, the error says where the picture is."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    asked = []
    monkeypatch.setattr("webbrowser.open", lambda address: asked.append(address) or len(asked) == 1)
    new_figure(2.0, 1.0).show()
    written = Path(asked[0].removeprefix("file://"))
    assert written.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(RuntimeError, match="no browser to show the figure in; it was written to"):
        new_figure(2.0, 1.0).show()
