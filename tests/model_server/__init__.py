"""A scripted model server: its own process that speaks like OpenAI and Anthropic, and fails as it is told.

It knows nothing of Lattice. `python -m tests.model_server --port 0` prints its address as its first line; `ModelServer` starts
it for a test. What it does is set by `POST /script` (see script.py), what it saw is read from `GET /log`, and what hangs is let
go by `POST /release`.
"""

from tests.model_server.fixture import ModelServer, SyncModelServer

__all__ = ["ModelServer", "SyncModelServer"]
