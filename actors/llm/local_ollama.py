"""The Ollama of this machine as an endpoint without configuration, if one answers."""

from __future__ import annotations

import aiohttp

from actors.llm.settings import EndpointSettings

OLLAMA = "http://127.0.0.1:11434"
OLLAMA_ANSWERS_WITHIN_S = 0.5
SEARCH_AGAIN_S = 30.0
"""How often a local Ollama is looked for while none has answered."""


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
