"""Endpoints without configuration: from the variables that the vendors' packages read, and a local Ollama if one answers."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
from pydantic import ValidationError

from actors.llm.settings import EndpointSettings
from transport.errors import Invalid

OLLAMA = "http://127.0.0.1:11434"
OLLAMA_ANSWERS_WITHIN_S = 0.5
SEARCH_AGAIN_S = 30.0
"""How often a local Ollama is looked for while none has answered."""


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


async def local_ollama(url: str = OLLAMA) -> EndpointSettings | None:
    """An endpoint for the Ollama of this machine, if one answers quickly; it is asked in OpenAI's dialect."""
    timeout = aiohttp.ClientTimeout(total=OLLAMA_ANSWERS_WITHIN_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{url}/api/version") as response:
            answers = response.status == 200 and response.content_type == "application/json"
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None

    # A model that has to be loaded first takes its time to the first token.
    return (
        EndpointSettings(name="ollama", dialect="openai", base_url=f"{url}/v1", priority=2, first_token_timeout_s=120)
        if answers
        else None
    )
