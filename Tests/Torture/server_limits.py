#!/usr/bin/env python3
"""A server that runs out of descriptors: it refuses who comes too many, burns no processor time over it, answers those who
are in, and takes new ones as soon as there is room. Then the same with its own limit of connections.

SEEDS chooses stories, COUNT how many rounds of each, QUICK=1 one.
"""

import contextlib
import random
import socket
import time

import server as attacked
import torture
import wire
from wire_client import Connection

SELF = "Tests/Torture/server_limits.py"
DESCRIPTORS, CONNECTIONS, CROWD = 80, 50, 400
# Of one core: a loop that spins takes all of it.
SHARE_MAX = 0.35
LOOK_SECONDS = 3


def crowd(server, count):
    """As many as connect, and what became of them: greeted, refused by name, ended without a word, or left waiting."""
    greeted, others, ends = [], [], {"greeted": 0, "refused": 0, "ended": 0, "waiting": 0}
    peers = []
    for _ in range(count):
        torture.watch()
        peer = Connection.__new__(Connection)
        peer.__dict__.update(last=0, waiting={}, come={}, handles={}, hello=None)
        peer.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        peer.socket.settimeout(5)
        try:
            peer.socket.connect(server.address)
            peer.raw(wire.frame(wire.HELLO, 0, wire.hello()))
            peer.waiting[0] = (wire.HELLO, None)
        except (OSError, wire.Gone):
            # The peer's end of a refusal that came before its HELLO: the words may still be read.
            pass
        peers.append(peer)
    until = time.monotonic() + 10
    for peer in peers:
        peer.socket.settimeout(max(0.2, min(4.0, until - time.monotonic())))
        try:
            _, answer = peer.next()
            if isinstance(answer, wire.Refusal):
                ends["refused"] += 1
                others.append(peer)
            else:
                peer.hello = answer
                ends["greeted"] += 1
                greeted.append(peer)
        except TimeoutError:
            ends["waiting"] += 1
            others.append(peer)
        except (wire.Gone, OSError):
            ends["ended"] += 1
            others.append(peer)
    return greeted, others, ends


def exhaust(findings, server, seed, how, name, most):
    """Too many come; those who are in are served; nothing spins; the rest finds room when they go."""
    dice = random.Random(seed)
    with attacked.WellBehaved(server) as beside:
        attacked.eventually(lambda: beside.rounds or beside.faults, 60)
        greeted, others, ends = crowd(server, CROWD)
        for outcome, number in ends.items():
            findings.counts[f"{name}: {outcome}"] += number
        if not greeted or len(greeted) > most:
            findings.fault(f"seed {seed}, {name}: {len(greeted)} of {CROWD} are in, at most {most} may be: {ends}", how)
        for connection in greeted:
            try:
                connection.socket.settimeout(30)
                connection.ping(b"in")
            except (wire.Gone, wire.Refusal, OSError) as error:
                findings.fault(f"seed {seed}, {name}: one who was in is not served: {error!r}", how)
                break
        rounds = beside.rounds
        if not attacked.eventually(lambda: beside.rounds > rounds + 3 or beside.faults, 60):
            findings.fault(f"seed {seed}, {name}: the well-behaved caller stands still", how)
        if name == "descriptors" and not server.alive():
            return
    # The rest of them still waits at the door, and nobody asks anything.
    before, began = server.processor(), time.monotonic()
    time.sleep(LOOK_SECONDS)
    share = (server.processor() - before) / (time.monotonic() - began)
    findings.counts[f"{name}: processor share (%)"] = max(findings.counts[f"{name}: processor share (%)"], int(100 * share))
    if share > SHARE_MAX:
        findings.fault(f"seed {seed}, {name}: {share:.2f} of a core while it can do nothing: it spins", how)
    dice.shuffle(greeted)
    for connection in greeted + others:
        connection.close()

    def comes_in():
        with contextlib.suppress(OSError, wire.Gone, wire.Refusal):
            with server.connect(seconds=5) as connection:
                connection.ping(b"room")
                return True
        return False

    if not attacked.eventually(comes_in, 20):
        findings.fault(f"seed {seed}, {name}: all have gone, and nobody gets in", how)
    beside.report(findings, how)
    with attacked.WellBehaved(server, "afterwards") as afterwards:
        attacked.eventually(lambda: afterwards.rounds > 5 or afterwards.faults, 60)
    afterwards.report(findings, how)


def main():
    attacked.need_server()
    findings = torture.Findings("server, limits")
    with torture.folder(in_memory=True) as parent:
        for seed in torture.seeds([1]):
            how = f"SEEDS={seed} {SELF}"
            for name, settings, most in (
                    ("descriptors", {"descriptors": DESCRIPTORS}, DESCRIPTORS),
                    ("connections", {"max_connections": CONNECTIONS}, CONNECTIONS)):
                server = attacked.Server(parent, f"{name}-{seed}", loops=2, **settings)
                with server:
                    for _ in range(torture.count(3, 1)):
                        exhaust(findings, server, seed, how, name, most)
                        if not attacked.alive(findings, server, how) or findings.enough():
                            break
                    if server.alive() and server.stop():
                        findings.fault(f"seed {seed}, {name}: it did not stop in good order: {server.words()}", how)
    findings.conclude()


if __name__ == "__main__":
    main()
