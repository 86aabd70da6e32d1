"""A row of the campaign: one kind of fault, what is done, when it has passed. Each family of faults is a file in faults/."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chaos import faults
from chaos.scene import Scene

__all__ = ["Own", "Row", "all_rows"]


@dataclass(frozen=True, slots=True)
class Own:
    """A house that a row has for itself, since nobody would want it afterwards."""

    config: str = ""
    """Added to the settings; the model endpoint stands there already."""

    environment: Mapping[str, str] = field(default_factory=dict)
    program: tuple[str, ...] = ("run.py",)
    prepare: Callable[[Path], None] | None = None
    """Gets the data directory before the house starts."""

    clean_up: Callable[[Path], None] | None = None
    """Gets it after the house has stopped."""

    keeps: bool = True
    """Whether the house stands at the row's end. False: it is gone, or not to be looked at; nothing is compared."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. What is named `allowed` is the row's own pass criterion; everything else is the checker's."""

    name: str
    number: int
    """Its number in the list of the issue that asked for the campaign: 1 kills, 2 above them, 3 signals … 10 bad bytes."""

    fault: str
    """What is done, in one line."""

    passes: str
    """When it has passed, beyond what always holds."""

    run: Callable[[Scene], None]
    own: Own | None = None
    load: bool = True
    """Whether the clients ask while it happens."""

    failed_allowed: int | None = 0
    """Requests that may fail before a client's eyes, after the openai package's own two repetitions; None: any number."""

    broken_allowed: int | None = 0
    """Streams that may end in an error after their first words; None: any number."""

    degraded_allowed: int | None = 0
    """Answers that may be given from memory, and say so, since no model could be used; None: any number."""

    lost_allowed: int | None = 0
    """Acknowledged writes that may be gone: 0 wherever the disk is not what was damaged."""

    stall_s: float = 15.0
    """The longest that one request may take where a house starts within three seconds; on a slower machine so much longer."""

    grows_mb: float = 48.0
    """By how much each process may grow. A page cache and a model's buffers fill; what leaks grows with every row."""

    grows_descriptors: int = 12
    short: bool = False
    """Whether it is part of the short form."""


def all_rows() -> tuple[Row, ...]:
    """The rows of all families, by number; in one family as it lists them."""
    found: list[Row] = []
    for module in pkgutil.iter_modules(faults.__path__):
        found += importlib.import_module(f"{faults.__name__}.{module.name}").ROWS
    names = [row.name for row in found]
    assert len(names) == len(set(names)), f"a name stands twice among {sorted(names)}"
    return tuple(sorted(found, key=lambda row: row.number))
