"""Gives memory back to the system that the process has no use for any more. Knows nothing else."""

from __future__ import annotations

import ctypes

__all__ = ["give_back"]


def give_back() -> None:
    """Return what is free of the C library's heap to the system; elsewhere than with glibc this does nothing.

    glibc keeps what was freed below something that is still in use, in each thread's own part of the heap: after a document
    of a quarter of a gigabyte that is twice its size, for good. Takes milliseconds; call it in a thread.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
