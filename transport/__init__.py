"""Bytes between processes: envelopes, msgpack, ZeroMQ sockets, keys. Knows no actor and no HTTP."""
