"""One wave-simulation engine a file, each run by `peer_worker.py` in a process, and a Python, of its own.

An engine's `prepare(problem)` returns an `Engine`. Nothing here imports an engine that is not asked for, nor adseis.
"""
