"""What all thoughts of a thinking actor share, in one object that each thought is given."""

from __future__ import annotations

from dataclasses import dataclass

from actors.clock import Clock
from actors.runtime import AsyncActor
from actors.thinking.knowledge import Knowledge
from actors.thinking.line import Line
from actors.thinking.outbox import Outbox
from actors.thinking.pace import Pace
from actors.thinking.persona import Persona
from actors.thinking.presence import Presence
from actors.thinking.quirks import Quirks
from actors.thinking.responses import Responses
from actors.thinking.reuse import Reuse
from actors.thinking.settings import ThinkingSettings
from actors.thinking.thoughts import Thoughts

__all__ = ["Mind"]


@dataclass(frozen=True, slots=True)
class Mind:
    """The parts of which there is one for all thoughts."""

    actor: AsyncActor
    settings: ThinkingSettings
    clock: Clock
    outbox: Outbox
    presence: Presence
    knowledge: Knowledge
    persona: Persona
    pace: Pace
    quirks: Quirks
    reuse: Reuse
    line: Line
    thoughts: Thoughts
    responses: Responses
