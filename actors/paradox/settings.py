"""What can be set of the paradox actor. Every field has a default that serves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from actors.message import Name
from actors.named_files import Problem

__all__ = ["ParadoxSettings"]


class ParadoxSettings(BaseModel):
    """The paradox actor's settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    follow: bool = True
    """Follow memory's feed in the background. Without, only `paradox.check` finds anything."""

    affect: bool = True
    """Judge what is felt in each turn, in the background, and tell memory. Without, nothing is judged and no mood is known."""

    candidates: Annotated[int, Field(ge=1, le=100)] = 12
    """Remembered statements that a new one is compared with."""

    vectors_patience_s: Annotated[float, Field(ge=0, le=3600)] = 2.0
    """A new statement is judged once memory has vectors to find others by, or when none have come for so long. 0: at once."""

    keep_from: Annotated[float, Field(ge=0, le=1)] = 0.5
    """What is less probable is not kept: more of it would be wrong than right."""

    keep_alone_from: Annotated[float, Field(ge=0, le=1)] = 0.75
    """The same where no rule bears the network out. Such a pair must share a word as well, and be people's: all others are
    doubts at most, which a model may judge. In talks, most of what the network alone found at odds was not."""

    classifier: Literal["onnx", "none"] = "onnx"
    """What judges beside the rules: the network that ships with the project, or nothing."""

    classifier_file: Path | None = None
    """Another network of the same form (an ONNX file with a .json beside it) in place of the shipped one."""

    page: Annotated[int, Field(ge=1, le=500)] = 64
    """Changes taken from the feed at once, and written in one transaction."""

    pause_s: Annotated[float, Field(ge=0, le=60)] = 0.1
    """The pause before more changes are asked for, in seconds. What is said within it shares a page and a transaction."""

    wait_ms: Annotated[int, Field(ge=1, le=30_000)] = 20_000
    """How long a question for changes stays open, in milliseconds."""

    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """After so many failures an item is set aside with its error, and the feed is followed on."""

    retry_s: Annotated[float, Field(gt=0, le=3600)] = 1.0
    """Wait after a failure, in seconds; doubles with each failure in a row up to a minute."""

    supersede_from: Annotated[float, Field(ge=0, le=1)] = 0.75
    """An update at least this probable that itself tells of a change ("moved", "no longer", "now") ends the old fact in memory.

    Any other stays open, as a question."""

    half_life_days: Annotated[float, Field(gt=0, le=3650)] = 21.0
    """A paradox that nobody touches has lost half of its tension after so many days."""

    dormant_below: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Below this tension it falls asleep; a new statement about either side wakes it."""

    contemplate_every_s: Annotated[float, Field(ge=0, le=86_400)] = 900.0
    """How often open paradoxes are thought over in the background, in seconds; 0: only when asked."""

    contemplate_rest_s: Annotated[float, Field(ge=0, le=31_536_000)] = 86_400.0
    """A paradox is thought over at most once in so many seconds."""

    judge_model: bool = True
    """Let a model judge what is in doubt, through the llm actor, in the background. Without, no model is ever called."""

    judge_model_after_s: Annotated[float, Field(ge=0, le=86_400)] = 20.0
    """Not before so many seconds: what is said next often decides, and a model has to be paid."""

    judge_model_name: Name | None = None
    """Which model; None: the first endpoint's first."""

    judge_model_per_day: Annotated[int, Field(ge=0, le=100_000)] = 50
    """How many questions the model may be asked within 24 hours, over all namespaces."""

    def file_problems(self) -> Iterator[Problem]:
        """Of a network that is not there: without a word paradox would judge by its rules alone."""
        path = self.classifier_file
        if path is None or self.classifier == "none":
            return

        gone = [file for file in (path, path.with_suffix(".json")) if not file.is_file() or not os.access(file, os.R_OK)]
        if gone:
            yield Problem(("classifier_file",), f"{gone[0]} is no file that can be read")
