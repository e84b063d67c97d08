"""The README keeps its word."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.optimised
def test_script(tmp_path):
    """It is short, runs as printed, and the misfit falls to less than a tenth."""
    (script,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len([line for line in script.splitlines() if line.strip()]) <= 15
    command, environment = [sys.executable, "-c", script], os.environ | {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    before, after = map(float, re.search(r"misfit ([\d.e+-]+) before, ([\d.e+-]+) after", done.stdout).groups())
    assert 0 < after < 0.1 * before


def test_commands():
    """The two commands, as the build uses them."""
    commands = re.findall(r"```bash\n(.*?)\n```", TEXT, re.DOTALL)
    assert commands == ["pip install . && adseis invert", "pip install '.[test]' && pytest"]


def test_links():
    """Every link into the repository leads somewhere."""
    targets = [t for t in re.findall(r"\]\(([^)]+)\)", TEXT) if not t.startswith("http")]
    assert len(targets) > 10
    assert [t for t in targets if not (ROOT / t).exists()] == []
