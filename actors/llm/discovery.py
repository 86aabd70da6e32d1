"""Endpoints without configuration, from the variables that the vendors' packages read.

Every command looks at them, so this knows no HTTP, whose import takes a third of a second.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from actors.llm.settings import EndpointSettings
from transport.errors import Invalid


def from_environment(environment: Mapping[str, str]) -> list[EndpointSettings]:
    """Endpoints for OPENAI_API_KEY, OPENAI_BASE_URL, ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL, in this order.

    Raises:
        Invalid: a base URL that is none; the message names the variable.
    """
    found = []
    if environment.get("OPENAI_API_KEY") or environment.get("OPENAI_BASE_URL"):
        base_url = checked_url(environment, "OPENAI_BASE_URL")
        found.append(
            EndpointSettings(
                name="openai",
                dialect="openai",
                base_url=base_url or "https://api.openai.com/v1",
                api_key_env="OPENAI_API_KEY",
                embedding_models=() if base_url else ("text-embedding-3-small",),
                priority=0,
            ),
        )

    if environment.get("ANTHROPIC_API_KEY"):
        found.append(
            EndpointSettings(
                name="anthropic",
                dialect="anthropic",
                base_url=checked_url(environment, "ANTHROPIC_BASE_URL") or "https://api.anthropic.com",
                api_key_env="ANTHROPIC_API_KEY",
                priority=1,
            ),
        )

    return found


def checked_url(environment: Mapping[str, str], name: str) -> str | None:
    """The base URL that a variable holds; None where it is not set."""
    url = environment.get(name)
    if not url:
        return None

    try:
        return EndpointSettings(name=name, base_url=url).base_url
    except ValidationError as error:
        reason = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise Invalid(f"{name}: {reason}") from error
