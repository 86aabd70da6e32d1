"""The settings' file: read once, whole, and refused in a sentence where it is none."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Final

from commands.exit_status import ConfigurationError, refusal

__all__ = ["BESIDE", "read", "stands_beside", "text_of"]

BESIDE: Final = Path("lattice.toml")
"""What is read where no other is named, in the working directory."""

LARGEST: Final = 1 << 20
"""Bytes. What is larger is another file, and would be read for minutes."""

MARKED: Final = "utf-8-sig"
"""With or without the mark that some editors write first."""


def stands_beside() -> bool:
    """Whether anything stands at `BESIDE`: who laid a link or a directory there meant it to be read."""
    return os.path.lexists(BESIDE)


def read(path: Path) -> dict[str, Any]:
    """What stands in it.

    Raises:
        click.ClickException: it cannot be read, or is no TOML.
    """
    try:
        if not path.is_file():
            raise ConfigurationError(f"{path} is no file" if os.path.lexists(path) else f"there is no file {path}")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise refusal(f"{path} cannot be read: {error.strerror}", error) from error
    if len(content) > LARGEST:
        raise ConfigurationError(f"{path} is larger than {LARGEST >> 20} MiB: these are no settings")

    try:
        return tomllib.loads(content.decode(MARKED))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML: byte {error.start} is not UTF-8") from error
    except (RecursionError, ValueError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else "a number in it has too many digits"
        raise ConfigurationError(f"{path} is not valid TOML: {reason}") from error


def text_of(path: Path | None) -> str:
    """Its text, for the lines of what is wrong; nothing without a file."""
    return "" if path is None else path.read_text(encoding=MARKED)
