#!/usr/bin/env python3
"""Callers that are slow, half gone, or only there, beside one that must not notice.

Segments of one byte; waits for what never comes, by those who are gone; a request begun and not ended; connections that say nothing, before HELLO and after; ends of sending
with answers outstanding; resets in the middle of a frame; readers of one byte a second, cut off within their time; ten thousand
idle connections. SEEDS chooses stories, COUNT how many idle connections, QUICK=1 fewer.
"""

import random
import socket
import struct
import time

import server as attacked
import torture
import wire
from wire_client import Connection

SELF = "Tests/Torture/server_slow.py"
# What the server is told, and how late it may be on a busy machine.
SLOW_SECONDS, LATE_SECONDS = 2, 20
HELLO_SECONDS = 5
IDLE_BYTES_MAX = 16 << 10
BLOB = 200_000


def how(seed):
    return f"SEEDS={seed} {SELF}"


def one_byte_segments(server, findings, seed):
    """The same session whole and byte by byte: the same answers."""
    dice = random.Random(seed)
    with server.connect() as connection:
        vector = connection.prepare(*attacked.NAMES, kind=2)
    name, number = attacked.card(f"bytewise {seed}"), dice.randrange(1 << 20)
    frames = [
        wire.frame(wire.HELLO, 0, wire.hello()), wire.frame(wire.PREPARE, 1, wire.prepare(attacked.NAMES, 2)),
        wire.frame(wire.PUSH, 2, wire.push("counts", [name], attacked.columns_of([attacked.row_of(number)])))]
    with Connection(server.address, greet=False, seconds=60) as slow:
        def bytewise(data):
            for at in range(len(data)):
                slow.raw(data[at:at + 1])

        answers = []
        for frame in frames:
            bytewise(frame)
            answers.append(slow.frame())
        handle = wire.prepare_reply(answers[1].body)["handle"]
        bytewise(wire.frame(wire.GET, 3, wire.get(handle, [name])))
        row = wire.get_reply(slow.frame().body, vector["columns"])["rows"][0]
        if [cell.value for cell in row] != attacked.row_of(number):
            findings.fault(f"seed {seed}: byte by byte it read {row}", how(seed))
        findings.counts["bytes sent one by one"] += sum(map(len, frames))


def half_gone(server, findings, seed):
    """Who ends sending gets the answers to what was sent, and then the end; who resets ends nothing but itself."""
    with server.connect() as connection:
        ids = [connection.send(wire.PING, b"last") for _ in range(100)]
        body = wire.push("counts", [attacked.card("half gone")] * 50, attacked.columns_of([attacked.row_of(1)] * 50))
        ids += [connection.send(wire.PUSH, body) for _ in range(20)]
        connection.socket.shutdown(socket.SHUT_WR)
        try:
            for request in ids:
                connection.reply(request)
        except (wire.Gone, wire.Refusal, TimeoutError) as error:
            findings.fault(f"seed {seed}: who had ended sending was not answered: {error!r}", how(seed))
        else:
            if not connection.ends(LATE_SECONDS):
                findings.fault(f"seed {seed}: who ended sending and was answered is not let go", how(seed))
    dice = random.Random(seed)
    whole = wire.frame(wire.HELLO, 0, wire.hello()) + wire.frame(wire.PUSH, 1, body)
    for _ in range(50):
        with socket.create_connection(server.address) as peer:
            peer.sendall(whole[:dice.randrange(len(whole))])
            if dice.random() < 0.7:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        findings.counts["gone in a frame"] += 1


def gone_while_waiting(findings, parent, seed):
    """Who waits for what never comes, ends sending and goes away is let go when its time is over."""
    server = attacked.Server(parent, f"waiting-{seed}", loops=2, idle_timeout="2s")
    with server:
        for _ in range(100):
            with server.connect() as connection:
                connection.send(wire.WAIT, wire.wait(1 << 62))
                connection.socket.shutdown(socket.SHUT_WR)
        with server.connect() as connection:
            with server.connect() as patient:
                waiting = patient.send(wire.WAIT, wire.wait(1 << 62), deadline=200)
                try:
                    patient.reply(waiting)
                    findings.fault(f"seed {seed}: an LSN was reached that there is not", how(seed))
                except wire.Refusal as refusal:
                    if refusal.name != "NOT_YET":
                        findings.fault(f"seed {seed}: WAIT at its deadline: {refusal}", how(seed))

            def left():
                connection.ping()
                return connection.stats(3)["connections"]

            if not attacked.eventually(lambda: left() <= 1, LATE_SECONDS):
                findings.fault(f"seed {seed}: {left() - 1} connections of callers that are gone stay", how(seed))
        findings.counts["gone while waiting"] += 100


def cut_off(findings, seed, what, began, connection, seconds):
    """That the server ends a connection when its time is over, and not before."""
    if not connection.ends(seconds + LATE_SECONDS):
        findings.fault(f"seed {seed}: {what} is not cut off after {seconds} s and {LATE_SECONDS} more", how(seed))
    elif time.monotonic() - began < 0.9 * seconds:
        findings.fault(f"seed {seed}: {what} is cut off after {time.monotonic() - began:.1f} s", how(seed))
    else:
        findings.counts["cut off"] += 1
    torture.watch()


def slow_senders(server, findings, seed):
    """Silence before HELLO, a HELLO in pieces, and a frame of which the rest never comes."""
    silent = Connection(server.address, greet=False)
    creeping = Connection(server.address, greet=False)
    begun = server.connect()
    began = time.monotonic()
    hello = wire.frame(wire.HELLO, 0, wire.hello(client="x" * 3000))
    push = wire.frame(wire.PUSH, 1, wire.push(
        "counts", [attacked.card("slow")], attacked.columns_of([attacked.row_of(1)])))
    # Each byte on its way does not make the time anew.
    begun.raw(push[:20])
    for at in range(20):
        time.sleep(0.1)
        creeping.raw(hello[at:at + 1])
        if time.monotonic() - began < SLOW_SECONDS:
            begun.raw(push[20 + at:21 + at])
    with silent, creeping, begun:
        cut_off(findings, seed, "a frame that is not ended", began, begun, SLOW_SECONDS)
        cut_off(findings, seed, "a connection without HELLO", began, silent, HELLO_SECONDS)
        cut_off(findings, seed, "a HELLO byte by byte", began, creeping, HELLO_SECONDS)


def slow_readers(server, findings, seed):
    """They ask for more than all buffers take, and read one byte a second."""
    readers = []
    with server.connect() as connection:
        connection.push("wide", [attacked.account(7)], [("blob", wire.Type(wire.BYTES), [bytes(BLOB)])])
    for _ in range(4):
        reader = server.connect(buffer=4096)
        vector = reader.prepare("wide:blob", kind=2)
        for _ in range(100):
            reader.ask(vector, [attacked.account(7)] * 4)
        readers.append(reader)
    asked = time.monotonic()
    left = list(readers)
    while left and time.monotonic() - asked < SLOW_SECONDS + LATE_SECONDS + 10:
        torture.watch()
        time.sleep(1)
        with server.connect() as figures:
            # Told by the server: who reads a byte a second does not see the end for hours.
            cut = figures.stats(3).get("ended_slow_reader", 0)
        for reader in list(left):
            try:
                reader.socket.settimeout(0.1)
                if not reader.socket.recv(1):
                    left.remove(reader)
            except TimeoutError:
                pass
            except OSError:
                left.remove(reader)
        if cut >= len(readers):
            break
    else:
        if left:
            findings.fault(f"seed {seed}: {len(left)} readers of 1 B/s are not cut off after {time.monotonic() - asked:.0f} s", how(seed))
    findings.counts["readers of 1 B/s"] += len(readers)
    for reader in readers:
        reader.close()


def idle_crowd(server, findings, seed):
    """Ten thousand that are only there."""
    wanted = torture.count(10_000, 1_000)
    had = attacked.raise_descriptors(wanted + 500)
    if had < wanted + 200:
        print(f"only {had} descriptors for this process: fewer idle connections (raise `ulimit -n`)")
        wanted = had - 200
    before = server.own()
    began = time.monotonic()
    crowd = []
    try:
        for at in range(wanted):
            if at % 256 == 0:
                torture.watch()
            # One in ten never says who it is, and is replaced by nobody: it is cut off for it.
            crowd.append(Connection(server.address, seconds=30, greet=at % 10 != 9))
        seconds = time.monotonic() - began
        each = max(0, server.own() - before) // max(1, wanted)
        findings.counts["idle connections"] += wanted
        findings.counts["bytes for each"] = max(findings.counts["bytes for each"], each)
        if each > IDLE_BYTES_MAX:
            findings.fault(f"seed {seed}: an idle connection takes {each} bytes", how(seed))
        processor, at = server.processor(), time.monotonic()
        time.sleep(2)
        share = (server.processor() - processor) / (time.monotonic() - at)
        findings.counts["connected a second"] = int(wanted / seconds)
        for connection in random.Random(seed).sample([one for one in crowd if one.hello], 200):
            connection.ping(b"still there")
        findings.counts["processor share while idle (%)"] = max(
            findings.counts["processor share while idle (%)"], int(100 * share))
    except (OSError, wire.Gone, wire.Refusal) as error:
        findings.fault(f"seed {seed}: among {len(crowd)} idle connections: {error!r}", how(seed))
    finally:
        for connection in crowd:
            connection.close()
    if not attacked.eventually(lambda: server.open_files() < 200, 30):
        findings.fault(f"seed {seed}: {server.open_files()} descriptors are open after the crowd has gone", how(seed))


def main():
    attacked.need_server()
    findings = torture.Findings("server, slow callers")
    with torture.folder(in_memory=True) as parent:
        for seed in torture.seeds([1]):
            server = attacked.Server(
                parent, f"seed-{seed}", loops=2, slow_sender_timeout=f"{SLOW_SECONDS}s",
                slow_reader_timeout=f"{SLOW_SECONDS}s", max_output="4MiB", max_frame="4MiB", idle_timeout="none",
                max_connections=20_000)
            with server:
                with attacked.WellBehaved(server) as beside:
                    for attack in (one_byte_segments, half_gone, slow_senders, slow_readers, idle_crowd):
                        attack(server, findings, seed)
                        if not attacked.alive(findings, server, how(seed)):
                            break
                if server.alive():
                    gone_while_waiting(findings, parent, seed)
                beside.report(findings, how(seed))
                if server.alive() and server.stop():
                    findings.fault(f"seed {seed}: it did not stop in good order: {server.words()}", how(seed))
    findings.conclude()


if __name__ == "__main__":
    main()
