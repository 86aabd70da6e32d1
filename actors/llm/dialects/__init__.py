"""The dialects that endpoints speak, by name. Each turns the internal form into its own, and back; none knows of sockets."""

from __future__ import annotations

from actors.llm.dialects.anthropic import Anthropic
from actors.llm.dialects.dialect import Call, Dialect, Listed, Reader
from actors.llm.dialects.ollama import Ollama
from actors.llm.dialects.openai import OpenAI
from actors.llm.dialects.responses import Responses

__all__ = ["DIALECTS", "Call", "Dialect", "Listed", "Reader"]

DIALECTS: dict[str, Dialect] = {
    "openai": OpenAI(),
    "responses": Responses(),
    "anthropic": Anthropic(),
    "ollama": Ollama(),
}
