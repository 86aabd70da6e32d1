"""The dashboard: a page of files that are written by hand, and the routes that serve them.

The page is a client like any other: what it shows it asks of `/v1`, with the key that its user gives it. Nothing of the house
is in it, so that it may be open to everyone who reaches the gateway.
"""

from gateway.dashboard.serving import routes

__all__ = ["routes"]
