"""Tasks of a synthesis on a cluster, or in processes of this machine, by submitit."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from adseis.data.synthesis import MANIFEST, Generator, Task, collect, make, opened
from adseis.parallel.devices import use_cores

LOGS = "logs"
POLL = 0.5
"""How often jobs are looked after [s]."""


@dataclass(frozen=True)
class JobOptions:
    """Work in a job, in place of this process; needs submitit (pip install 'adseis[farm]').

    Attributes:
        cluster: slurm: jobs of a SLURM cluster, to be started where sbatch is; local: processes of this machine, to try it out.
            What is finished is kept, and the same command goes on.
        partition: SLURM's partition.
        minutes: Most time that a job may take [min].
        cores: Cores of a job; by default as the cluster says.
        gpus: GPUs of a job.
    """

    cluster: Literal["slurm", "local"] | None = None
    partition: str | None = None
    minutes: int = 240
    cores: int | None = None
    gpus: int | None = None


@dataclass(frozen=True)
class ClusterOptions(JobOptions):
    """A job for each file, in place of one process; needs submitit (pip install 'adseis[farm]').

    Attributes:
        jobs: Most jobs at a time.
    """

    jobs: int = 8


def synthesize_by_jobs(
    generator: Generator, folder: Path, options: ClusterOptions, *, cluster: str, progress: bool = True
) -> Path:
    """`synthesize` with a job for each task.

    Args:
        generator: What makes the data.
        folder: Where they go, as all machines see it.
        options: Of the jobs.
        cluster: "slurm", "local", or "debug" (in this process).
        progress: Whether to show how far it is.

    Returns:
        The manifest.

    Raises:
        ImportError: If submitit is not installed.
        RuntimeError: If jobs failed.
        ValueError: As `synthesize`.
        OSError: Likewise.
    """
    if options.jobs < 1 or options.minutes < 1:
        raise ValueError(f"`jobs` = {options.jobs} and `minutes` = {options.minutes} must be at least 1.")
    submitit = _submitit()
    folder = folder.absolute()
    with opened(generator, folder, progress=progress) as missing:
        executor = submitit.AutoExecutor(folder=folder / LOGS, cluster=cluster)
        executor.update_parameters(**_parameters(options, cluster))
        total, left = sum(task.samples for task in generator.tasks()), sum(task.samples for task in missing)
        with tqdm(total=total, initial=total - left, desc="synthesize", unit="sample", disable=not progress) as bar:
            failed = _run(executor, generator, folder, missing, options.jobs if cluster != "slurm" else len(missing), bar)
        collect(generator, folder)
    if failed:
        name, why = next(iter(failed.items()))
        raise RuntimeError(
            f"{len(failed)} of {len(missing)} jobs failed, the first of them {name} ({why}). Logs are in {folder / LOGS}; the "
            "same command does again what is missing."
        )
    return folder / MANIFEST


def make_in_job(generator: Generator, folder: Path, name: str) -> None:
    """What a job does.

    Args:
        generator: What makes the data.
        folder: Where they go.
        name: Of the task.

    Raises:
        ValueError: If there is no such task.
        OSError: If a file cannot be written.
    """
    use_cores()
    task = next((task for task in generator.tasks() if task.name == name), None)
    if task is None:
        raise ValueError(f"no task {name!r} of {generator.name}")
    make(generator, task, folder)


def run_as_job(work: Callable[[Any], int], config: Any, *, cluster: str, logs: Path = Path("runs") / LOGS) -> int:
    """A whole command as one job, in the folder that this process stands in.

    Args:
        work: What the command does.
        config: Its options, with those of the cluster.
        cluster: "slurm", "local", or "debug" (in this process).
        logs: Folder of what the job prints.

    Returns:
        Exit code of the command.

    Raises:
        ImportError: If submitit is not installed.
        RuntimeError: If the job failed.
    """
    executor = _submitit().AutoExecutor(folder=logs.absolute(), cluster=cluster)
    executor.update_parameters(**_parameters(config, cluster))
    job = executor.submit(_work_in_job, work, replace(config, cluster=None))
    print(f"job {job.job_id}; what it prints is in {logs}")
    try:
        while not job.done():
            time.sleep(POLL)
    except BaseException:
        job.cancel()
        raise
    error = job.exception()
    if error is not None:
        told = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise RuntimeError(f"job {job.job_id} failed ({told}). Logs are in {logs}; the same command goes on.")
    return job.result()


def _work_in_job(work: Callable[[Any], int], config: Any) -> int:
    use_cores()
    return work(config)


def _run(executor: Any, generator: Generator, folder: Path, missing: list[Task], most: int, bar: tqdm) -> dict[str, str]:
    """Have all tasks done, so many at a time; those that failed, and why."""
    waiting, running, failed = list(missing), {}, {}
    try:
        while waiting or running:
            begun, waiting = waiting[: most - len(running)], waiting[most - len(running) :]
            if begun:
                with executor.batch():  # one job array
                    jobs = [executor.submit(make_in_job, generator, folder, task.name) for task in begun]
                running |= {task.name: (task, job) for task, job in zip(begun, jobs, strict=True)}
            for name in [name for name, (_, job) in running.items() if job.done()]:
                task, job = running.pop(name)
                error = job.exception()
                if error is None:
                    bar.update(task.samples)
                else:
                    failed[name] = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            if running:
                time.sleep(POLL)
    except BaseException:
        for _, job in running.values():
            job.cancel()
        raise
    return failed


def _parameters(options: JobOptions, cluster: str) -> dict[str, Any]:
    """As submitit calls them."""
    common = {
        "name": "adseis",
        "timeout_min": options.minutes,
        "cpus_per_task": options.cores,
        "gpus_per_node": options.gpus,
        "slurm_partition": options.partition,
        "slurm_array_parallelism": getattr(options, "jobs", None) if cluster == "slurm" else None,
    }
    return {name: value for name, value in common.items() if value is not None}


def _submitit() -> Any:
    try:
        import submitit  # noqa: PLC0415  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError("Jobs are sent by submitit. Install it: pip install 'adseis[farm]'; or leave out `cluster`.") from error
    return submitit
