"""What is wrong with the settings, in sentences: every one by its dotted name, and its variable or its line in the file.

Knows no setting by itself.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from loguru import logger
from pydantic import ValidationError

from actors.llm.discovery import from_environment
from actors.named_files import Problem
from commands.exit_status import ConfigurationError
from commands.settings_file import text_of
from commands.toml_lines import line_of
from transport.errors import Invalid

__all__ = ["check_discovery", "check_environment", "check_files", "check_path", "explain", "no_json", "wrong_values"]


def wrong_values(error: ValidationError) -> Iterator[Problem]:
    """What is wrong with the settings by themselves."""
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        reason = "there is no such setting" if problem["type"] == "extra_forbidden" else problem["msg"]
        yield Problem(problem["loc"], reason.removeprefix("Value error, "))


def check_path(data_dir: Path) -> None:
    """Refuse a data directory that SQLite and ZeroMQ could not name: both take paths as UTF-8.

    Raises:
        ConfigurationError: naming it, as far as that goes.
    """
    try:
        # A locale of another encoding reads the path's bytes as other letters; one without any leaves surrogates.
        named = str(data_dir).encode() == os.fsencode(data_dir)
    except UnicodeEncodeError:
        named = False
    if not named:
        raise ConfigurationError(
            f"data_dir: the path {os.fsencode(data_dir)!r} is not UTF-8, or this locale reads it as something else "
            f"({sys.getfilesystemencoding()}); take another, or set LC_ALL=C.UTF-8"
        )


def check_files(settings: Any, config: Path | None) -> None:
    """Refuse settings that name files which nobody can read.

    Raises:
        click.ClickException: naming them all; a `ConfigurationError` unless they may all be there at the next start.
    """
    problems = [
        problem._replace(setting=(part, *problem.setting))
        for part in ("encoder", "llm", "thinking", "paradox")
        for problem in getattr(settings, part).file_problems()
    ]
    if problems:
        kind = click.ClickException if all(problem.may_pass for problem in problems) else ConfigurationError
        raise kind(explain(problems, config, text_of(config)))


def check_environment(environment: Mapping[str, str], settings: Collection[str]) -> None:
    """Refuse a `LATTICE_` variable that sets nothing: pydantic-settings passes over it.

    Args:
        environment: of this process.
        settings: the names of the settings' parts.

    Raises:
        ConfigurationError: naming it.
    """
    known = (*settings, "log_level", "memory_key", "memory_key_file")
    for name in environment:
        first = name.removeprefix("LATTICE_").split("__")[0].lower()
        if name.startswith("LATTICE_") and first not in known:
            raise ConfigurationError(f"{name} in the environment: there is no such setting")
    try:
        logger.level(environment.get("LATTICE_LOG_LEVEL", "INFO").upper())
    except ValueError as error:
        raise ConfigurationError(f"LATTICE_LOG_LEVEL in the environment: {error}; say DEBUG, INFO, WARNING or ERROR") from error


def check_discovery(settings: Any, environment: Mapping[str, str]) -> None:
    """Refuse variables of which endpoints would be made, and cannot.

    Raises:
        ConfigurationError: naming the variable.
    """
    if settings.llm.discover and not settings.llm.endpoints:
        try:
            from_environment(environment)
        except Invalid as error:
            raise ConfigurationError(error.message) from error


def no_json(environment: Mapping[str, str], part: str) -> Iterator[str]:
    """The variables of a part of the settings that hold no JSON; pydantic-settings does not say which one needs it."""
    for name, value in sorted(environment.items()):
        if name.lower() == f"lattice_{part}" or name.lower().startswith(f"lattice_{part}__"):
            try:
                json.loads(value)
            except ValueError:
                yield name


def explain(problems: Iterable[Problem], config: Path | None, text: str) -> str:
    """Every setting that is wrong, one a line, by its dotted name, and its variable or its line in the file."""
    lines = [f"the settings{f' in {config}' if config else ''} are wrong:"]
    for setting, reason, _ in problems:
        line = line_of(text, setting)
        variable = "__".join(("LATTICE_" + str(setting[0]), *map(str, setting[1:]))).upper() if setting else ""
        where = "" if line is None else f"{config}:{line}: "
        parts = [variable.rsplit("__", levels)[0] for levels in range(len(setting))] if setting else []
        # One that holds a whole part as JSON is named where the file has nothing of it.
        named = next((name for name in (parts if line is None else parts[:1]) if name in os.environ), None)
        where = f"{named} in the environment: " if named else where
        lines.append(f"  {where}{'.'.join(str(step) for step in setting) or '(as a whole)'}: {reason}")

    return "\n".join(lines)
