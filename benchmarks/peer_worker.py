"""One engine in a process of its own: reads requests, answers them, each a line of JSON; started by `peers.py`, not by hand.

    python peer_worker.py deepwave_engine:prepare

Requests: {"do": "prepare", "problem": file}; {"do": "first", "task": name, "save": file}, which runs a task once, mostly to
compile it, and saves what it found; {"do": "run", "task": name}, which only times it. What libraries print goes to stderr.
"""

import contextlib
import importlib
import importlib.metadata
import json
import os
import platform
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
from engines.problem import FORWARD, Engine, Problem, UnavailableError


class Worker:
    """Answers requests by an engine's `prepare`, given as module:function."""

    def __init__(self, engine: str) -> None:
        self.name = engine
        self.engine: Engine | None = None

    def answer(self, request: dict[str, str]) -> dict[str, Any]:
        if request["do"] == "prepare":
            return self.prepare(Path(request["problem"]))
        if self.engine is None:
            raise ValueError("nothing is prepared yet")
        task = self.engine.tasks[request["task"]]
        start = time.perf_counter()
        result = task()
        answer = {"seconds": time.perf_counter() - start}
        if request["do"] == "first":
            answer["peak_MB"] = peak_memory() / 1e6
            found = (self.engine.gather if request["task"] == FORWARD else self.engine.gradient)(result)
            np.savez(request["save"], *(found if isinstance(found, list) else [found]))
        return answer

    def prepare(self, path: Path) -> dict[str, Any]:
        module, function = self.name.split(":")
        problem = Problem.read(path)
        start = time.perf_counter()
        self.engine = engine = getattr(importlib.import_module(f"engines.{module}"), function)(problem)
        versions = {name: importlib.metadata.version(name) for name in engine.packages}
        answer = {"seconds": time.perf_counter() - start, "tasks": list(engine.tasks), "remarks": engine.remarks}
        return answer | {"versions": {"python": platform.python_version(), **versions}}


def peak_memory() -> float:
    """The most memory that this process has had [bytes].

    On Linux the kernel's high-water mark, for `ru_maxrss` there counts the process that started this one.
    """
    status = Path("/proc/self/status")
    marks = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")] if status.exists() else []
    if marks:
        return float(marks[0].split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    worker = Worker(sys.argv[1])
    with contextlib.suppress(OSError):  # Linux, short of memory, shall end this process before any other
        Path("/proc/self/oom_score_adj").write_text("1000")
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # libraries that print do not talk into the answers
    for line in sys.stdin:
        try:
            answer = worker.answer(json.loads(line))
        except UnavailableError as error:
            answer = {"failed": str(error)}
        except Exception as error:  # an engine may raise anything; `peers.py` goes on without it
            traceback.print_exc()
            answer = {"failed": f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
