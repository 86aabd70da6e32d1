"""Where a command writes: a file that has its name only once it is whole, or what takes bytes as they come."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from transport.errors import Conflict

__all__ = ["is_stream", "part_for", "stream", "whole"]


@contextmanager
def whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that has its name only once it is whole and on disk; nothing is left of one that breaks off.

    Raises:
        click.ClickException: it cannot be written, or another command is writing it.
    """
    from actors.whole_files import put_in_place

    if is_stream(path):
        with stream(path) as out:
            yield out
        return

    path = path.resolve()
    with part_for(path) as (file, part):
        try:
            file.truncate()
            yield file
            file.flush()
            put_in_place(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


@contextmanager
def part_for(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """`actors.whole_files.part_of`, with its errors in a command's words.

    Raises:
        click.ClickException: it cannot be written, or another command is writing it.
    """
    from actors.whole_files import part_of

    try:
        with part_of(path) as (file, part):
            yield file, part
    except Conflict as error:
        raise click.ClickException(error.message) from error
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error


def is_stream(path: Path) -> bool:
    """Whether this is standard output, or a device or a pipe: a file that took its name would take its place."""
    return str(path) == "-" or (path.exists() and not path.is_file())


@contextmanager
def stream(path: Path) -> Iterator[IO[bytes]]:
    """What takes bytes as they come, and has no name to earn."""
    if str(path) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        with path.open("wb") as out:
            yield out
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
