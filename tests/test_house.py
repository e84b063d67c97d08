"""The rules of the house that no linter knows."""

import ast
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


def test_tests_mirror_the_rooms_of_the_package():
    """tests/waves/ tests adseis/waves/, and no room is without tests. Files are named after what they test: names may repeat from
    room to room (pytest's importlib mode), and a module may be tested by the file of another of its room."""
    tests = sorted((ROOT / "tests").rglob("test_*.py"))
    rooms = {path.parent.relative_to(ROOT / "adseis") for path in PACKAGE}
    assert {path.parent.relative_to(ROOT / "tests") for path in tests} == rooms


def test_no_test_simulates_while_it_is_imported():
    """What a module of tests simulates belongs into a fixture: at import every worker would do it, wanted or not."""
    found = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr):
                calls = [ast.unparse(node.func) for node in calls_at_once(statement)]
                found += [f"{path.name}:{statement.lineno}" for name in calls if "simulate" in name or name.startswith("jax.jit")]
    assert found == []


def calls_at_once(node):
    """The calls within a statement that run when it does, those in lambdas aside."""
    if isinstance(node, ast.Lambda):
        return
    if isinstance(node, ast.Call):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from calls_at_once(child)


def test_one_version():
    """The citation names the version that is built."""
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert f"\nversion: {version[1]}\n" in (ROOT / "CITATION.cff").read_text()


def test_code_of_the_pages_fits_their_column():
    """88 columns at most: a browser hides what is beyond behind a scroll bar."""
    fence = re.compile(r"^```(?:python|bash|\{code-cell\} ipython3)\n(.*?)^```", re.DOTALL | re.MULTILINE)
    pages = [page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").rglob("*.md"))]
    code = [line for page in pages for piece in fence.findall(page) for line in piece.splitlines()]
    assert len(code) > 500
    assert [line for line in code if len(line) > 88] == []


def test_every_example_is_shown():
    """The page of examples has a card for each script."""
    shown = re.findall(r"\{\{ example (\w+) \}\}", (ROOT / "docs" / "examples.md").read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(path.stem for path in (ROOT / "examples").glob("*.py"))
