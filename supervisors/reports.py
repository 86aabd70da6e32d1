"""What a supervisor reports of its children: that one has failed (an error), or that one was started (progress).

The contents are Erlang's: who supervises, in which context, why, and which child. Knows no process and no log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from supervisors.spec import ChildSpec

__all__ = ["Context", "ErrorReport", "ProgressReport", "of_child"]

Context = Literal["child_terminated", "start_error", "shutdown_error", "shutdown"]
"""It ended by itself; it could not be started; it ended otherwise than it was told to; the supervisor gives up."""

CUT = "..."


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """Something has failed. `offender` is `of_child`, or has `nb_children` in place of a pid where it speaks of several."""

    supervisor: str
    context: Context
    reason: Any
    offender: Mapping[str, Any]

    def text(self, *, depth: int | None = None, chars: int | None = None, single_line: bool = False) -> str:
        """For people.

        Args:
            depth: how many items of a list or of a mapping are shown, one less being the items and one the mark of the cut.
            chars: how long the text may be at most.
            single_line: without line breaks, and of the child only its name and where it is.
        """
        fields = {
            "supervisor": self.supervisor,
            "errorContext": self.context,
            "reason": shown(self.reason, depth),
            "offender": shown(brief(self.offender) if single_line else self.offender, depth),
        }
        return laid_out(fields, chars=chars, single_line=single_line)


@dataclass(frozen=True, slots=True)
class ProgressReport:
    """A child was started."""

    supervisor: str
    started: Mapping[str, Any]

    def text(self, *, depth: int | None = None, chars: int | None = None, single_line: bool = False) -> str:
        """For people; see `ErrorReport.text`."""
        fields = {
            "supervisor": self.supervisor,
            "started": shown(brief(self.started) if single_line else self.started, depth),
        }
        return laid_out(fields, chars=chars, single_line=single_line)


def of_child(spec: ChildSpec, pid: int | None) -> dict[str, Any]:
    """A child as reports show it. Its arguments are named, not shown: nobody knows what is in them."""
    return {
        "pid": pid,
        "id": spec.name,
        "arguments": sorted(spec.arguments),
        "restart": spec.restart,
        "shutdown": spec.shutdown,
        "type": spec.type,
        "significant": spec.significant,
    }


def brief(child: Mapping[str, Any]) -> dict[str, Any]:
    """Of a child only its name and where it is."""
    return {name: child[name] for name in ("id", "pid", "nb_children") if name in child}


def shown(value: Any, depth: int | None) -> str:
    """A value as text; lists and mappings are cut after `depth - 1` items."""
    if isinstance(value, Mapping):
        items = [f"{key}: {shown(item, depth)}" for key, item in islice(value.items(), depth)]
        return ", ".join(items)
    if isinstance(value, (list, tuple)):
        cut = depth is not None and len(value) > depth
        kept = value[: depth - 1] if cut and depth is not None else value
        return f"[{', '.join([shown(item, depth) for item in kept] + [CUT] * cut)}]"

    return str(value)


def laid_out(fields: Mapping[str, str], *, chars: int | None, single_line: bool) -> str:
    """All fields, a line each or in one."""
    text = (", " if single_line else "\n").join(f"{name}: {value}" for name, value in fields.items())
    if single_line:
        text = " ".join(text.split("\n"))
    if chars is None or len(text) <= chars:
        return text

    return text[: chars - len(CUT)] + CUT
