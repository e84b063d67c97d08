"""The pages on misfits, sources, boundaries and adjoints of one's own: their code runs, and what it asserts holds."""

import re
from pathlib import Path

import pytest

HOWTO = Path(__file__).parents[1] / "docs" / "howto"


SLOW = "misfit", "source", "adjoint"


@pytest.mark.parametrize("name", ["boundary", *[pytest.param(name, marks=pytest.mark.slow) for name in SLOW]])
def test_page(name):
    """All pieces one after the other, as a reader would paste them."""
    page = (HOWTO / f"own_{name}.md").read_text(encoding="utf-8")
    pieces = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert any("assert" in piece for piece in pieces)
    scope = {}
    for piece in pieces:
        exec(compile(piece, f"own_{name}.md", "exec"), scope)
