"""Where actors are found: the run directory, and the address that belongs to a name."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from loguru import logger

from transport.bind import PATH_BYTES, check_private
from transport.errors import Invalid

__all__ = ["address_of", "keep_private", "run_directory"]

NAME_ROOM: Final = 32
"""Bytes kept free after the directory for "/<name>.sock"."""


def run_directory(data_dir: Path) -> Path:
    """The directory of sockets and locks that belongs to a data directory, made if missing, mode 0700.

    `<data_dir>/run`; where a socket's path in it would be too long, a directory of ours with a short name that follows
    from the data directory's, under $XDG_RUNTIME_DIR, $TMPDIR or /tmp.

    Raises:
        Invalid: it cannot be made, or what stands there is not a directory of ours alone.
    """
    directory = data_dir.resolve() / "run"

    if len(os.fsencode(directory)) + NAME_ROOM > PATH_BYTES:
        digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:12]
        # Not `tempfile.gettempdir`: that is another place as soon as /tmp is full, and all have to find the same one.
        short = os.environ.get("XDG_RUNTIME_DIR") or os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 (ours alone, and looked at)
        directory = Path(short) / f"lattice-{os.geteuid()}-{digest}"

    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise Invalid(f"{directory} is not a directory") from None
    except OSError as error:
        raise Invalid(f"the run directory {directory} cannot be made: {error.strerror}") from error

    close_to_others(directory)
    check_private(directory)

    return directory


def close_to_others(directory: Path) -> int | None:
    """Take from others what they may do in a directory of ours; its mode before, None where it was right, or is not ours."""
    found = directory.lstat()
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or mode == 0o700:
        return None

    directory.chmod(0o700)
    return mode


def keep_private(directory: Path) -> None:
    """As `close_to_others`, while a house runs in it: that somebody has opened it is said in the log."""
    if (mode := close_to_others(directory)) is not None:
        logger.warning("the run directory's mode was changed; it is 0700 again", mode=oct(mode))


def address_of(name: str, run_dir: Path, overrides: Mapping[str, str] | None = None) -> str:
    """The address of an actor: what `overrides` says, or its socket in the run directory.

    Raises:
        Invalid: the name could not be a file's.
    """
    if overrides is not None and name in overrides:
        return overrides[name]

    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise Invalid(f"{name!r} is not an actor's name")

    return f"ipc://{run_dir}/{name}.sock"
