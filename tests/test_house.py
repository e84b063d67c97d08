"""The rules of the house that no linter knows."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = sorted((ROOT / "adseis").rglob("*.py"))


def test_files_stay_short():
    """600 lines at most: beyond that a file holds more than one idea."""
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in PACKAGE}
    assert len(lengths) > 1
    assert {name: n for name, n in lengths.items() if n > 600} == {}


def test_import_path_is_file_path():
    """No drawer for odds and ends, no `_module.py` mirrors, two levels deep at most."""
    names = [path.relative_to(ROOT / "adseis").with_suffix("").parts for path in PACKAGE]
    odd = [parts for parts in names if len(parts) > 2 or set(parts) & {"utils", "common", "misc", "base"}]
    mirrors = [parts for parts in names for part in parts if part.startswith("_") and part != "__init__"]
    assert odd == []
    assert mirrors == []


def test_tests_mirror_the_package():
    """tests/waves/test_grid.py tests adseis/waves/; base names are unique, since test folders are no packages."""
    tests = sorted((ROOT / "tests").rglob("test_*.py"))
    rooms = {path.parent.relative_to(ROOT / "adseis") for path in PACKAGE}
    assert {path.parent.relative_to(ROOT / "tests") for path in tests} <= rooms
    assert len({path.name for path in tests}) == len(tests)


def test_one_version():
    """The citation names the version that is built."""
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert f"\nversion: {version[1]}\n" in (ROOT / "CITATION.cff").read_text()
