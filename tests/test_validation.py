"""The table of validation (benchmarks/validation.py) takes its figures from tests: they are there, and take its arguments."""

import sys
import types
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]


def test_rows(monkeypatch):
    """Every row finds its test, and names are unique. What an oracle measures is what comes out, where it fails too."""
    for folder in ("benchmarks", "tests/waves", "tests/parallel", "tests/sphere"):
        monkeypatch.syspath_prepend(ROOT / folder)
    validation, measures = __import__("validation"), __import__("validation_measures")
    rows = [row for topic in validation.TOPICS for row in topic()]
    assert len({row.name for row in rows}) == len(rows) > 50
    assert all(np.isfinite(row.tolerance) for row in rows)

    module = types.ModuleType("a_test")
    monkeypatch.setitem(sys.modules, "a_test", module)
    module.test_small = lambda factor: np.testing.assert_allclose(factor * np.ones(3), np.ones(3), rtol=0, atol=0.5)
    found = measures.same("a_test.test_small", factor=1.25)()
    assert found == measures.Found([0.25])
    failing = measures.same("a_test.test_small", factor=2.0)()
    assert failing.figures == [1.0]
    assert "a_test.test_small" in failing.failed
