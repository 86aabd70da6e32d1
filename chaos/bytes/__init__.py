"""Bad bytes: messages and requests that are none, each with the one answer that is right.

Knows ZMTP and HTTP as they go over a socket, and what docs/protocol.md and docs/http.md promise; imports nothing of Lattice.
"""
