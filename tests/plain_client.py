"""A client of Lattice from pyzmq and msgpack alone, as docs/protocol.md has it.

python tests/plain_client.py ipc:///path/memory.sock memory.recall '{"query": "tea"}'
python tests/plain_client.py ipc:///path/memory.sock sys.ping '{}' memory
"""

import json
import sys
import uuid

import msgpack
import zmq


def ask(address, type_name, body, to=None, ttl_ms=30_000):
    """Yields (kind, body) for each part of the answer; the last is a `reply` or an `error`."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVTIMEO, ttl_ms)
        socket.connect(address)
        call = uuid.uuid4().hex

        def send(kind, body, **fields):
            header = {"v": 1, "kind": kind, "id": call, **fields}
            socket.send_multipart([msgpack.packb(header), msgpack.packb(body)])

        send("ask", body, to=to or type_name.split(".")[0], type=type_name, ttl=ttl_ms)

        while True:
            header, answer = (msgpack.unpackb(frame) for frame in socket.recv_multipart())
            if header["id"] == call:
                yield header["kind"], answer
                if header["kind"] != "part":
                    return
                send("credit", {"n": 1})


if __name__ == "__main__":
    for kind, answer in ask(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), *sys.argv[4:5]):
        sys.stdout.write(f"{kind} {json.dumps(answer, default=repr)}\n")
