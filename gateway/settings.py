"""What can be set about HTTP, and the one rule about where it may listen."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway.auth import KeyFile
from gateway.cors import ANY, origin_of
from transport.errors import Invalid

__all__ = ["GatewaySettings", "asks_for_keys", "check_bind", "is_loopback"]


Origin = Annotated[str, AfterValidator(origin_of)]
"""A page's origin, as browsers write it, or `*`."""


class GatewaySettings(BaseModel):
    """Where to listen, and how much to let in. Times are in seconds, sizes in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", min_length=1)
    """An address beyond loopback is refused until there is an API key."""

    port: int = Field(8080, ge=0, le=65535)
    """0 takes a free one."""

    require_keys: bool = False
    """Ask for API keys on loopback too: set it where a proxy on this machine lets others in."""

    cors_origins: tuple[Origin, ...] = ()
    """Origins whose pages may use the gateway from a browser, such as `https://app.example`. `*`, which lets in everybody's,
    needs API keys. Where none are asked for, a page that is named can do what a tenant can."""

    max_in_flight: int = Field(512, ge=1, le=1 << 20)
    """Requests being handled at once; the next is answered 429."""

    max_body_bytes: int = Field(15 << 20, ge=1 << 10, le=15 << 20)
    """Largest request body. The contracts of a chat take 16 MiB."""

    max_bodies_bytes: int = Field(256 << 20, ge=1 << 20, le=1 << 40)
    """All bodies being handled at once; the next is answered 429."""

    request_timeout_s: float = Field(120.0, gt=0, le=3600)
    """For a whole request. A client's `X-Lattice-Timeout` may only shorten it."""

    read_timeout_s: float = Field(30.0, gt=0, le=3600)
    """For a request's head to arrive, and then for its body; of an import, for its next piece."""

    write_timeout_s: float = Field(30.0, gt=0, le=3600)
    """For a client to take what a stream sends it. After it the client is taken for gone."""

    heartbeat_s: float = Field(10.0, gt=0, le=600)
    """A stream that has been silent for so long sends a comment, so that proxies keep it open."""

    probe_timeout_s: float = Field(2.0, gt=0, le=60)
    """How long `/readyz` and `/metrics` wait for an actor."""

    drain_s: float = Field(8.0, ge=0, le=3600)
    """How long requests may still take once the gateway is to stop; below what its supervisor gives it."""

    @model_validator(mode="after")
    def everybody_shows_a_key(self) -> Self:
        """Refuse to let every page on the web in without one."""
        if ANY in self.cors_origins and not asks_for_keys(self):
            raise ValueError('cors_origins: "*" lets in any page on the web; set require_keys, or name the origins')

        return self


def check_bind(settings: GatewaySettings, data_dir: Path) -> None:
    """Refuse to listen beyond loopback while nobody has an API key.

    Raises:
        Invalid: with the sentence that the operator should read.
    """
    if is_loopback(settings.host) or KeyFile(data_dir).list():
        return

    raise Invalid(
        f"{settings.host} can be reached from other machines, and there is no API key yet: anyone could read what is "
        "remembered. Make one with `python3 run.py keys create NAME`, or listen on 127.0.0.1."
    )


def asks_for_keys(settings: GatewaySettings) -> bool:
    """Whether a request needs an API key."""
    return settings.require_keys or not is_loopback(settings.host)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
