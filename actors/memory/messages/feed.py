"""The ordered feed of changes, for those who follow memory."""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated, Final, Literal

from pydantic import Field

from actors.memory.messages.fields import Identifier, Namespace, Time
from actors.memory.messages.records import Memory
from actors.message import Data, Message, Reply
from transport.errors import Invalid

Happening = Literal[
    "remembered",
    "revised",
    "superseded",
    "reinstated",
    "forgotten",
    "staged",
    "linked",
    "unlinked",
    "withheld",
    "rederived",
    "namespace_forgotten",
]
"""What the feed tells. `staged` has the stages before and after in its history's detail, and the rule as its cause."""


TIMELINE_MOST: Final = 1000
TIMELINE: Final = r"^[0-9]{1,18}( [0-9]{1,18}\.[0-9a-f]{16})+$"


class Change(Data):
    """One entry of the feed. `memory` is the record after the change; None once it is forgotten.

    Of `namespace_forgotten` both `namespace` and `id` are the digest of the name (see `namespace_digest`): compare it with
    those that you know. All that was told of that namespace before is told no longer.
    """

    seq: int
    change: Happening
    namespace: Namespace
    id: Identifier
    time: Time
    cause: str
    memory: Memory | None


class Fed(Reply, type="memory.fed"):
    """Changes in order; ask on from `cursor`, with `timeline`. Empty when nothing came within the wait."""

    changes: tuple[Change, ...]
    cursor: int
    timeline: str
    """In which memory the cursor lies; to be kept with it, and given back as it is."""


def namespace_digest(name: str) -> str:
    """What the feed calls a namespace that is forgotten: the name itself is nowhere any more."""
    return "ns_" + blake2b(name.encode(), digest_size=16, person=b"namespace").hexdigest()


def end_of_feed(error: Invalid) -> int:
    """Up to where memory's feed is what was followed, as `invalid` tells who followed another's, or one that lost its end.

    Raises:
        Invalid: `error`, which says something else.
    """
    end = (error.detail or {}).get("end")
    if not isinstance(end, int):
        raise error
    return end


class Feed(Message, type="memory.feed", reply=Fed, idempotent=True):
    """The ordered changes after `cursor` (0: from the start), waiting up to `wait_ms` for the first.

    With `changes`, only those kinds are told; the cursor moves past the others all the same. With the `timeline` that came with
    the cursor, one that another memory gave is `invalid`; so is, without it, one beyond the feed's end. See `end_of_feed`.
    """

    cursor: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    timeline: Annotated[str, Field(max_length=TIMELINE_MOST, pattern=TIMELINE)] | None = None
    changes: tuple[Happening, ...] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    wait_ms: Annotated[int, Field(ge=0, le=30_000)] = 0
