"""A house on a disk that refuses, as `chaos/shims/vfs.py` has it: `python -m chaos.shims.disk up …`."""

from __future__ import annotations

from chaos.shims.house import start
from chaos.shims.vfs import Disk

__all__: list[str] = []

if __name__ == "__main__":
    disk = Disk()
    start("chaos.shims.disk")
