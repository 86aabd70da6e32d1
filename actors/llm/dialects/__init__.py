"""The dialects that endpoints speak, by name. Each turns the internal form into its own, and back; none knows of sockets."""

from __future__ import annotations

from actors.llm.dialects.anthropic import Anthropic
from actors.llm.dialects.dialect import Dialect, Listed, Reader, Request
from actors.llm.dialects.ollama import Ollama
from actors.llm.dialects.openai import OpenAI
from actors.llm.dialects.responses import Responses

__all__ = ["DIALECTS", "Dialect", "Listed", "Reader", "Request"]

DIALECTS: dict[str, Dialect] = {
    "openai": OpenAI(),
    "responses": Responses(),
    "anthropic": Anthropic(),
    "ollama": Ollama(),
}
