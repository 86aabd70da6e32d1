"""What can be set of the thinking actor. Every field has a default that serves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from actors.named_files import Problem
from actors.thinking.persona import read_persona
from transport.errors import Invalid

__all__ = ["Budgets", "ThinkingSettings"]

Tokens = Annotated[int, Field(ge=0, le=250_000)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Fraction = Annotated[float, Field(gt=0, le=1)]


class Budgets(BaseModel):
    """Tokens (estimated: four bytes each) that each part of the context may take; what does not fit is cut by score."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    memories: Tokens = 1_500
    session: Tokens = 1_000
    tensions: Tokens = 400
    profile: Tokens = 300
    statements: Tokens = 200
    item: Tokens = 300
    """The most that one memory, turn or tension takes of its part."""


class ThinkingSettings(BaseModel):
    """The thinking actor's settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    persona: Annotated[str, Field(max_length=100_000)] = ""
    """Text that stands first in every prompt."""

    persona_file: Path | None = None
    """A file with that text instead; read again when it changes."""

    guide: bool = True
    """Tell the model in a line how to answer, where the strategy is another than `direct`."""

    context_deadline_s: Seconds = 0.5
    context_fraction: Fraction = 0.2
    """The context is gathered for at most `context_deadline_s`, and at most this fraction of the call's time left."""

    busy_most: Annotated[int, Field(ge=1, le=256)] = 16
    """Thoughts that are busy with memory and the other actors at once; the next stand in line. Of 512 chats that came together,
    on two cores, none was answered within ten seconds without a line, and 296 with it. A few keep every actor busy; who waits
    for a model takes no place."""

    line_patience_s: Seconds = 5.0
    """How long a thought stands in that line before it is refused: an answer that begins later is of no use to most who ask,
    and who is told so at once can ask elsewhere."""

    recall_k: Annotated[int, Field(ge=1, le=100)] = 12
    tail_turns: Annotated[int, Field(ge=0, le=200)] = 20
    """Earlier turns of the session that are looked at when the client did not send them."""

    tensions: Annotated[int, Field(ge=0, le=50)] = 4
    statements: Annotated[int, Field(ge=0, le=20)] = 2
    """Things that the daemon would like to bring up."""

    profile_cache_s: Seconds = 10.0
    """Profile and statements change with the daemon's cycles, not with a talk: so long they are not asked for again."""

    budgets: Budgets = Budgets()

    remember_deadline_s: Seconds = 5.0
    """How long a finished answer waits at most until memory has it on disk; then it is written down here, and told later."""

    reserve_s: Seconds = 1.0
    reserve_fraction: Fraction = 0.1
    """Kept back from the model's time for what comes after it: the smaller of the two."""

    continuations: Annotated[int, Field(ge=0, le=10)] = 3
    """How often one answer is taken up again after the llm actor was replaced in the middle of it."""

    llm_patience_s: Seconds = 10.0
    """How long the llm actor may give no sign of life before the answer comes from memory. A replacement takes milliseconds."""

    memory_patience_s: Seconds = 5.0
    """How long an answer from memory alone waits for memory, while that gives signs of life: longer than the context, since
    nothing else is left. The first recall after a start reads all that it searches."""

    memory_after_s: Seconds | None = None
    """When no model has said a word for so long, in private or aloud, the next rung of the ladder answers. None: a call may be
    silent for as long as its endpoints' own allowances add up to. Set it where an answer from memory within a second is worth
    more than a considered one after three."""

    smaller_model: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """Asked when the one that was wanted cannot answer."""

    smaller_reserve_s: Seconds = 5.0
    """Kept back from the first model's time for it, at most a third of what there is."""

    candidates: Annotated[int, Field(ge=2, le=8)] = 3
    """Answers that are made in parallel at effort "high", one of which is chosen."""

    search_rounds: Annotated[int, Field(ge=0, le=5)] = 2
    """How often the model may look into memory at effort "high" before it answers."""

    first_pace_s: Seconds = 3.0
    """How long a model call is taken to last until some have been seen: it decides which steps the time left allows."""

    doubt_below: Annotated[float, Field(ge=0, le=1)] = 0.35
    """An intent of less confidence is asked of a model, at efforts "medium" and "high", beside the gathering of the context."""

    begins_in_reasoning: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = (
        "*deepseek-r1*",
        "*deepseek-reasoner*",
        "*-r1*",
        "*qwq*",
        "*-thinking*",
        "*-think",
        "*exaone-deep*",
        "*minimax-m[12]*",
        "*nemotron*",
    )
    """Models (shell patterns, any case) whose answers may begin in the middle of reasoning: nothing of such a stream goes
    out before its reasoning is closed. Others are learned when they are first seen to do so. A server that sends the reasoning
    in a field of its own is not held back."""

    unknown_models: Literal["stream", "hold"] = "stream"
    """Streams of a model that nothing is known of yet. stream: they go out at once, unless they begin like reasoning; a model
    whose reasoning is opened in its prompt and begins like an answer leaks it into its first stream, and never into a second.
    hold: nothing of them goes out before their end, or the end of their reasoning, until three whole answers have shown that
    there is none; what was learnt so is kept over restarts."""

    reuse_s: Annotated[float, Field(ge=0, le=86_400)] = 120.0
    """How long a thought is given again to the same question in the same state; 0: never. Only thoughts of an effort that was
    asked for ("low" and up): who asks a model for a plain answer twice may want to see another."""

    reused_most: Annotated[int, Field(ge=1, le=100_000)] = 256
    """Thoughts that are held ready for that."""

    quotes: Annotated[int, Field(ge=1, le=50)] = 5
    """Memories that a degraded answer quotes."""

    kept_thoughts: Annotated[int, Field(ge=1, le=10_000_000)] = 20_000
    kept_days: Annotated[float, Field(gt=0, le=36_500)] = 30.0
    """A thought is dropped when it is older than `kept_days`, or more than `kept_thoughts` newer ones are there."""

    kept_responses: Annotated[int, Field(ge=0, le=10_000_000)] = 20_000
    """Answers of /v1/responses that a later request may go on from; 0: none is kept."""

    kept_responses_bytes: Annotated[int, Field(ge=1 << 20, le=1 << 50)] = 1 << 30
    kept_responses_days: Annotated[float, Field(gt=0, le=36_500)] = 30.0
    """A talk is dropped, with all its responses, when nobody went on with it for so long, or those used since are as many or
    as large as may be kept."""

    follow_pause_s: Seconds = 0.5
    """The pause between two looks at what memory has forgotten, in seconds: every remembered turn would wake thinking
    otherwise."""

    owed_most: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    """Answers that wait on disk for a memory that is away, for as long as it is."""

    spare_room: Path | None = Path("/dev/shm")  # noqa: S108 (a directory in it, of ours alone)
    """A directory in the machine's memory: answers wait there while no disk takes them, so that a kill loses none."""

    @model_validator(mode="after")
    def one_persona(self) -> Self:
        """Refuse two personas."""
        if self.persona and self.persona_file is not None:
            raise ValueError("persona and persona_file: only one of them")

        return self

    def file_problems(self) -> Iterator[Problem]:
        """Of a persona that cannot be read."""
        try:
            if self.persona_file is not None:
                read_persona(self.persona_file)
        except Invalid as error:
            yield Problem(("persona_file",), error.message)
