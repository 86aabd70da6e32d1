"""`up` of the echo house: a file of its own, since who only watches need not import what the others do."""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path

from supervisors.up import run_up


def command(what: str, root: Path) -> list[str]:
    """The command line of one of the house's processes."""
    module = "tests.supervisors.echo_up" if what == "up" else "tests.supervisors.echo_house"
    return [sys.executable, "-m", module, what, str(root)]


def line(text: str) -> None:
    """A line for the test that watches."""
    sys.stdout.write(f"{time.monotonic():.4f} {text}\n")
    sys.stdout.flush()


def main() -> int:
    root = Path(sys.argv[2])
    run_dir = root / "run"
    run_dir.mkdir(mode=0o700, exist_ok=True)
    listener = socket.create_server(("127.0.0.1", 0))
    return run_up(
        command("supervise", root), run_dir=run_dir, listener=listener, on_line=line, on_ready=lambda: line("ALL READY")
    )


if __name__ == "__main__":
    sys.exit(main())
