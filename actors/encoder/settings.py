"""What an operator may set of the encoder actor."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from actors.named_files import Problem


class EncoderSettings(BaseModel):
    """Settings of the encoder actor; every one has a default that needs no thought."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Literal["minilm", "none"] = "minilm"
    """`none`: nothing is loaded, and memory recalls by words alone."""

    cache_dir: Path | None = None
    """Where the prepared model is kept (34 MB); `cache` in the data directory without it. Several houses may share one."""

    threads: Annotated[int, Field(ge=1, le=64)] = 1
    """How many passages are read at once, each by one thread of lowest priority. Questions have a thread of their own beside
    them. One leaves the other cores to those who wait; an import of a large history may be worth more."""

    nice: Annotated[int, Field(ge=0, le=19)] = 15
    """Priority of the threads that read passages and prepare the model, as of `nice`: what is in the foreground goes first."""

    def file_problems(self) -> Iterator[Problem]:
        """Of a place where nothing can be kept."""
        path = self.cache_dir
        if path is None:
            return

        there = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            yield Problem(("cache_dir",), f"{path} is no directory in which anything can be kept")
