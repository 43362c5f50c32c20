#!/usr/bin/env python3
"""What the Python client costs above a socket: one row of 10 features, and 100 rows of 50 as a matrix.

Each round takes turns between the client, the same bytes sent and received by a bare socket to the same server (what is left is the
client's own work), and a bare socket to a peer in another process that sends as many bytes back as soon as it has read as many (what
two processes and a kernel cost). Medians over all rounds; processor time is this process's own.

    .build/python-client/bin/python Benchmarks/python_client.py [--calls N] [--rounds N] [--json FILE]

The program is found as `apus.testing` finds it. Exit code 1 when an answer is wrong; a goal that is not met is said.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import socket
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Clients/python/src"))

import numpy as np

import apus
from apus import core, wire
from apus.testing import Server

DEFINITIONS = {
    "project": "bench",
    "entities": {"card": {"keys": {"card_id": "string"}}},
    "views": {
        "wide": {
            "entity": "card",
            "ttl": "none",
            "features": {f"f{number}": {"type": "float32"} for number in range(50)},
        }
    },
}
TEN = [f"wide:f{number}" for number in range(10)]
FIFTY = [f"wide:f{number}" for number in range(50)]


def peer(port: object, sizes: list[tuple[int, int]]) -> None:
    """Reads so many bytes, sends so many; a connection's first byte says which sizes are meant."""
    listener = socket.create_server(("127.0.0.1", 0))
    port.send(listener.getsockname()[1])  # type: ignore[attr-defined]
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        read, write = sizes[connection.recv(1)[0]]
        buffer, answer = bytearray(read), bytes(write)
        with connection:
            while take(connection, buffer):
                connection.sendall(answer)


def take(connection: socket.socket, buffer: bytearray) -> bool:
    view, have = memoryview(buffer), 0
    while have < len(buffer):
        count = connection.recv_into(view[have:])
        if not count:
            return False
        have += count
    return True


class Bare:
    """A socket that knows how many bytes come back."""

    def __init__(self, connection: socket.socket, request: bytes, reply: int) -> None:
        self.connection, self.request, self.buffer = connection, request, bytearray(reply)

    def __call__(self) -> None:
        self.connection.sendall(self.request)
        take(self.connection, self.buffer)


def bare_server(url: str, names: list[str], keys: list[str], layout: int) -> Bare:
    """Asks the server itself, with bytes that were made once."""
    host, port = url[len("tcp://") :].split(":")
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(kind: int, request: int, body: bytes) -> bytes:
        connection.sendall(wire.frame(kind, request, body))
        head = connection.recv(16, socket.MSG_WAITALL)
        length = int.from_bytes(head[:4], "little")
        body = connection.recv(length + (-length & 7), socket.MSG_WAITALL)[:length]
        assert head[4] != wire.ERROR, body
        return body

    call(wire.HELLO, 0, wire.hello("bench"))
    prepared = wire.prepare_reply(call(wire.PREPARE, 1, wire.prepare(names, wire.FEATURES)))
    encoded = b"".join(wire.short(key.encode() + b"\0") for key in keys)
    body = wire.get(prepared.handle, len(keys), encoded, layout)
    length = len(call(wire.GET, 2, body))
    return Bare(connection, wire.frame(wire.GET, 3, body), 16 + length + (-length & 7))


def measure(calls: dict[str, object], count: int, rounds: int) -> dict[str, dict[str, float]]:
    walls: dict[str, list[int]] = {name: [] for name in calls}
    cpus: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            for _ in range(20):
                call()  # type: ignore[operator]
            times = walls[name]
            spent = time.process_time_ns()
            for _ in range(count):
                began = time.perf_counter_ns()
                call()  # type: ignore[operator]
                times.append(time.perf_counter_ns() - began)
            cpus[name].append((time.process_time_ns() - spent) / count)
    return {
        name: {
            "p50_us": statistics.median(walls[name]) / 1000,
            "p99_us": float(np.percentile(walls[name], 99)) / 1000,
            "cpu_us": statistics.median(cpus[name]) / 1000,
        }
        for name in calls
    }


def main() -> int:
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    words.add_argument("--calls", type=int, default=1000)
    words.add_argument("--rounds", type=int, default=9)
    words.add_argument("--json")
    given = words.parse_args()
    report = {}
    with Server(DEFINITIONS, options=["--loops", "1"]) as server:
        store = server.connect()
        keys = [f"card-{number}" for number in range(100)]
        values = np.arange(5000, dtype=np.float32).reshape(100, 50)
        store.push("wide", {"card_id": keys, **{f"f{at}": values[:, at].copy() for at in range(50)}})
        entities = [{"card_id": key} for key in keys]
        one_bare = bare_server(server.url, TEN, keys[:1], wire.ONE_ROW)
        matrix_bare = bare_server(server.url, FIFTY, keys, wire.DENSE32)
        sizes = [(len(bare.request), len(bare.buffer)) for bare in (one_bare, matrix_bare)]
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.Process(target=peer, args=(theirs, sizes), daemon=True)
        process.start()
        port = ours.recv()
        echoes = []
        for number, bare in enumerate((one_bare, matrix_bare)):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(bytes((number,)))
            echoes.append(Bare(connection, bare.request, len(bare.buffer)))
            # The peer serves one connection after another.
            report.update(round_of(store, number, bare, echoes[-1], entities, values, given))
            connection.close()
        process.kill()
    print(f"{'':34}{'p50':>9}{'p99':>9}{'cpu':>9}   µs")
    for name, figures in report.items():
        print(f"{name:34}{figures['p50_us']:9.1f}{figures['p99_us']:9.1f}{figures['cpu_us']:9.1f}")
    ratio = report["one row: client"]["p50_us"] / report["one row: bare, a peer"]["p50_us"]
    print(f"one row × 10 features: {ratio:.2f} × a bare round trip of {sizes[0][0]} and {sizes[0][1]} bytes (goal: at most 2)")
    if ratio > 2:
        print("the goal is NOT met; on a machine with other work, look at the column cpu")
    if given.json:
        Path(given.json).write_text(json.dumps({"ratio": ratio, **report}, indent=1))
    return 0


def round_of(
    store: apus.Store,
    number: int,
    bare: Bare,
    echo: Bare,
    entities: list[dict[str, str]],
    values: np.ndarray,
    given: argparse.Namespace,
) -> dict[str, dict[str, float]]:
    if number == 0:
        vector = core.Vector.of(TEN, "")

        def client() -> object:
            return store.get_online_features(TEN, entities[:1])

        assert store.get_online_features(TEN, entities[:1]).to_numpy().tolist() == [list(range(10))]
        assert vector.names == tuple(TEN)
        calls = {"client": client, "client, to_dict": lambda: client().to_dict()}  # type: ignore[attr-defined]
        name = "one row"
    else:

        def dense() -> object:
            return store.get_online_features(FIFTY, entities, dense="float32").to_numpy()

        def columns() -> object:
            return store.get_online_features(FIFTY, entities).to_numpy()

        assert np.array_equal(dense(), values) and np.array_equal(columns(), values)
        calls = {"client, dense": dense, "client, columns": columns}
        name = "100 × 50"
    found = measure({**calls, "bare, the server": bare, "bare, a peer": echo}, given.calls, given.rounds)
    return {f"{name}: {what}": figures for what, figures in found.items()}


if __name__ == "__main__":
    sys.exit(main())
