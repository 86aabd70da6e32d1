"""Filters: which records a recall may find, as a mask over a shelf."""

from __future__ import annotations

import json
from typing import Any

import apsw
import numpy as np
from numpy.typing import NDArray

from actors.memory.messages import Recall
from actors.memory.search.shelf import Shelf
from actors.memory.values import canonical
from actors.moments import micros

__all__ = ["allowed"]


def allowed(connection: apsw.Connection, shelf: Shelf, message: Recall, now: int) -> NDArray[np.bool_]:
    """Which rows of a shelf meet the conditions."""
    at = now if message.as_of is None else micros(message.as_of)
    if message.kinds is None:
        mask = shelf.said(at)
    else:
        mask = shelf.alive.values & (shelf.ends.values > at) & shelf.of_kinds(message.kinds)
    if message.as_of is not None:
        mask &= shelf.begins.values <= at
    if message.session is not None:
        row: Any = connection.execute(
            "SELECT number FROM session WHERE namespace = ? AND name = ?", (shelf.namespace, message.session)
        ).fetchone()
        mask &= shelf.sessions.values == (-2 if row is None else row[0])
    if message.speaker is not None:
        mask &= shelf.speakers.values == (shelf.names.index(message.speaker) if message.speaker in shelf.names else -2)
    if message.since is not None:
        mask &= shelf.times.values >= micros(message.since)
    if message.until is not None:
        mask &= shelf.times.values <= micros(message.until)
    if message.exclude:
        excluded = connection.execute(
            "SELECT m.number FROM json_each(?) j CROSS JOIN memory m ON m.id = j.value", (json.dumps(message.exclude),)
        )
        rows = shelf.rows([number for (number,) in excluded])
        mask[rows[rows >= 0]] = False
    if message.metadata:
        mask &= with_metadata(connection, shelf, message)
    return mask


def with_metadata(connection: apsw.Connection, shelf: Shelf, message: Recall) -> NDArray[np.bool_]:
    """Rows whose records have the metadata that is asked for. Metadata is not on shelves: it may be of any size."""
    clauses, values = metadata_conditions(message)
    found = connection.execute(
        f"SELECT m.number FROM memory m WHERE m.namespace = :namespace AND m.metadata <> '{{}}' AND {' AND '.join(clauses)}",  # noqa: S608
        {"namespace": shelf.namespace, **values},
    )
    rows = shelf.rows([number for (number,) in found])
    mask = np.zeros(len(shelf), bool)
    mask[rows[rows >= 0]] = True
    return mask


def metadata_conditions(message: Recall) -> tuple[list[str], dict[str, Any]]:
    """One condition for each key that is asked for."""
    clauses, values = [], {}
    for place, (key, value) in enumerate((message.metadata or {}).items()):
        values[f"key{place}"] = key
        condition, values[f"value{place}"] = equal_to(value, f":value{place}")
        clauses.append(f"EXISTS (SELECT 1 FROM json_each(m.metadata) j WHERE j.key = :key{place} AND {condition})")  # noqa: S608
    return clauses, values


def equal_to(value: Any, parameter: str) -> tuple[str, Any]:
    """The condition that a row of `json_each` has this value, and the parameter's own value."""
    if value is None or isinstance(value, bool):
        return f"j.type = {parameter}", {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return f"j.type = 'text' AND j.value = {parameter}", value
    if isinstance(value, int | float):
        return f"j.type IN ('integer', 'real') AND j.value = {parameter}", value
    return f"j.type IN ('array', 'object') AND j.value = {parameter}", canonical(value)
