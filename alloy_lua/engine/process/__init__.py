"""The process tier: the same runtimes, each in a confined process of its own.

The platform's side is `pool.py` (which workers there are), `remote.py` (a runtime as the engine sees it) and
`handle.py` (one process and its pipes). The worker's side is `worker.py` (the loop), `confine.py` and `seccomp.py`
(what the kernel takes away from it). `frames.py` is what both say to each other.
"""
