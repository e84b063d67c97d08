"""Pictures take longer to draw than all else: what is slow draws them, other tests find a file of their name."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

HERE = Path(__file__).parent


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    """Around set-up too, for what a module's fixture leaves. Workers of xdist call it for tests of all folders."""
    with pytest.MonkeyPatch.context() as patch:
        if HERE in item.path.parents and item.get_closest_marker("slow") is None:
            patch.setattr(Figure, "draw_without_rendering", lambda figure: None)
            patch.setattr(Figure, "savefig", lambda figure, path, **options: Path(path).write_text("unseen"))
        return (yield)
