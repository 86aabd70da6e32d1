"""RemoteAsk: an ask that came over a socket; its answers go back to the peer that sent it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.delivery import Delivery
from transport.envelope import ERROR, PART, REPLY, Envelope
from transport.errors import LatticeError

if TYPE_CHECKING:
    from actors.message import Message, Reply
    from transport.server import Peer, Server

__all__ = ["RemoteAsk", "Served"]

Served = dict[tuple["Peer", str], "RemoteAsk"]
"""The calls that are being served, by who asked and the id that it chose."""


class RemoteAsk(Delivery):
    """A remote caller's ask."""

    __slots__ = ("peer", "served", "server")

    answered = True

    def __init__(  # noqa: PLR0917 (one is made for each message: keywords cost)
        self, server: Server, served: Served, peer: Peer, message: Message, envelope: Envelope, deadline: float
    ) -> None:
        super().__init__(message, envelope.id, envelope.key, envelope.lane, deadline, envelope.trace, peer.hex())
        self.server = server
        self.served = served
        self.peer = peer

    def send_part(self, part: Reply) -> None:
        """Goes out as `part`."""
        self.server.send(self.peer, Envelope(PART, self.id, type=part.type, seq=self.parts - 1, body=_body(part)))

    def send_reply(self, reply: Reply | None) -> None:
        """Goes out as `reply`; on a stream it says how many parts there were."""
        self.served.pop((self.peer, self.id), None)
        seq = self.parts if self.contract.part is not None else None
        kind = reply.type if reply is not None else None
        self.server.send(self.peer, Envelope(REPLY, self.id, type=kind, seq=seq, body=_body(reply)))

    def send_error(self, error: LatticeError) -> None:
        """Goes out as `error`."""
        self.served.pop((self.peer, self.id), None)
        self.server.send(self.peer, Envelope(ERROR, self.id, body=error.to_body()))

    def forget(self) -> None:
        """Ends it without an answer: its peer is gone, or is to ask another process."""
        self.served.pop((self.peer, self.id), None)
        self.done = True


def _body(reply: Reply | None) -> dict[str, Any]:
    body: dict[str, Any] = reply.__pydantic_serializer__.to_python(reply, mode="json") if reply is not None else {}

    return body
