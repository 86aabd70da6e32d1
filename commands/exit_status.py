"""With which status a command ends: what no restart heals is told apart from what may be over by the next one.

A service manager that starts `up` again and again reads nothing but this number. docs/operations.md has the table.
"""

from __future__ import annotations

import errno
import os
from typing import Final

import click

__all__ = ["ConfigurationError", "refusal"]

STAYS: Final = frozenset(
    (
        errno.EACCES,
        errno.EEXIST,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.ENXIO,
        errno.EPERM,
        errno.EROFS,
    )
)
"""A path, a mode or an owner that somebody has to change. By the next start a disk may have room, and a descriptor be free."""


class ConfigurationError(click.ClickException):
    """A person has to change a setting, a file or a mode first; the same start again would fail the same way."""

    exit_code = os.EX_CONFIG


def refusal(message: str, error: OSError) -> click.ClickException:
    """What a command ends with that a file has stopped.

    Args:
        message: the sentence for the person who reads it.
        error: why the file could not be had.
    """
    return (ConfigurationError if error.errno in STAYS else click.ClickException)(message)
