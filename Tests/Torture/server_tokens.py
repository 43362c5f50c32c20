#!/usr/bin/env python3
"""Guesses tokens, and asks for what a token does not allow.

Every guess gets the same words, whether the id is known or not, in about the same time; nothing that a token cannot do is
done, by any request; a revoked token opens nothing; and no secret stands in the log, in the folder or in an answer. SEEDS chooses
stories, COUNT how many guesses, QUICK=1 few.
"""

import json
import os
import random
import stat
import statistics
import time

import server as attacked
import torture
import wire

SELF = "Tests/Torture/server_tokens.py"
# Guesses are slowed down; the attack goes on beside that with several at a time, and ends in any case.
GUESS_SECONDS = 20 if torture.QUICK else 90


def requests():
    """Name, what is sent, and the scopes of which one is needed; none: whoever is in may ask."""
    name = attacked.card("token")
    row = attacked.columns_of([attacked.row_of(1)])
    dry = wire.erase([("card_id", wire.Type(wire.STRING), "token")], dry_run=True)
    yield "PING", wire.PING, b"x", None
    yield "WAIT", wire.WAIT, wire.wait(0), None
    yield "RELEASE", wire.RELEASE, wire.u32(99), None
    yield "STATS", wire.STATS, wire.u8(1), {"read"}
    yield "DESCRIBE", wire.DESCRIBE, wire.short("") + wire.short(""), {"read"}
    yield "PREPARE", wire.PREPARE, wire.prepare(attacked.NAMES, 2), {"read"}
    yield "SCAN", wire.SCAN, wire.scan("counts", 5), {"read"}
    yield "PUSH", wire.PUSH, wire.push("counts", [name], row), {"ingest"}
    yield "DELETE", wire.DELETE, wire.push("counts", [name]), {"ingest"}
    yield "PRODUCER", wire.PRODUCER, wire.producer("token"), {"ingest"}
    yield "ERASE", wire.ERASE, dry, {"admin"}
    yield "describe", wire.CONSOLE, wire.console(["describe"]), {"read"}
    yield "dead-letters", wire.CONSOLE, wire.console(["dead-letters"]), {"read"}
    yield "retire", wire.CONSOLE, wire.console(["retire", "counts@1"]), {"admin"}
    yield "promote", wire.CONSOLE, wire.console(["promote", "counts@1"]), {"admin"}
    yield "apply", wire.CONSOLE, wire.console(
        ["apply", "attack.yaml"], [("attack.yaml", attacked.DEFINITIONS)]), {"admin"}


def refused(server, token, **more):
    """Why a HELLO is refused, and how long that takes; None when it is not."""
    began = time.monotonic()
    try:
        with server.connect(token=token, seconds=30, **more):
            return None, time.monotonic() - began
    except wire.Refusal as refusal:
        return refusal, time.monotonic() - began
    except wire.Gone:
        return "gone", time.monotonic() - began


def guesses(dice, identity, secret):
    """Id and secret, each nearly right in its own way."""
    flip = bytearray(secret)
    flip[dice.randrange(32)] ^= 1 << dice.randrange(8)
    other = ("%016x" % dice.getrandbits(64)).encode()
    return dice.choice((
        ("known id", (identity, bytes(flip))), ("known id", (identity, bytes(32))), ("known id", (identity, dice.randbytes(32))),
        ("known id", (identity, secret[::-1])), ("unknown id", (other, secret)), ("unknown id", (other, dice.randbytes(32))),
        ("unknown id", (identity.upper() + b" ", secret)), ("unknown id", (b"", b""))))


def guess(findings, server, seed, identity, secret, how):
    dice = random.Random(seed)
    words, seconds = set(), {"known id": [], "unknown id": []}
    until = time.monotonic() + GUESS_SECONDS
    for _ in range(torture.count(2_000, 60)):
        torture.watch()
        kind, token = guesses(dice, identity, secret)
        answer, took = refused(server, token)
        findings.counts["guesses"] += 1
        if answer is None:
            findings.fault(f"seed {seed}: {kind} let in with {token}", how)
        elif answer == "gone" or answer.name != "UNAUTHENTICATED":
            findings.fault(f"seed {seed}: {kind}: {answer} instead of UNAUTHENTICATED", how)
        elif token != (b"", b""):
            words.add((answer.what, answer.where, answer.next, str(answer.details)))
            seconds[kind].append(took)
        if time.monotonic() > until or findings.enough():
            break
    if len(words) > 1:
        findings.fault(f"seed {seed}: the words tell known ids from unknown ones: {words}", how)
    if all(len(took) > 10 for took in seconds.values()):
        known, unknown = (statistics.median(took) for took in seconds.values())
        findings.counts["median of a guess (µs)"] = int(1e6 * known)
        if max(known, unknown) > 2 * min(known, unknown) + 0.005:
            findings.fault(f"seed {seed}: known ids take {known * 1e3:.2f} ms, unknown ones {unknown * 1e3:.2f} ms", how)
    # Secrets that are none, and tokens that are half there, are no reason to let in or to fall over.
    for token in ((identity, secret[:31]), (identity, secret + b"\0"), (identity, b""), (b"", secret),
                  (identity * 100, secret), (b"\0" * 16, secret), (b"\xff\xfe", secret)):
        answer, _ = refused(server, token)
        if answer is None:
            findings.fault(f"seed {seed}: let in with {token}", how)


def scopes(findings, server, seed, tokens, how):
    """Each request with each token: done where the scope allows it, FORBIDDEN where it does not."""
    for allowed, (identity, secret) in tokens.items():
        torture.watch()
        for name, kind, body, needed in requests():
            is_allowed = needed is None or needed & set(allowed.split(","))
            with server.connect(token=(identity, secret), seconds=60) as connection:
                try:
                    reply = connection.call(kind, body)
                    is_refused = kind == wire.CONSOLE and reply["exit"] and "needs the scope" in reply["error"]
                    outcome = "FORBIDDEN" if is_refused else "done"
                except wire.Refusal as refusal:
                    outcome = refusal.name
                except (wire.Malformed, wire.Gone) as error:
                    findings.fault(f"seed {seed}: {name} with {allowed}: {error!r}", how)
                    continue
                findings.counts["requests with scopes"] += 1
                if (outcome == "FORBIDDEN") == bool(is_allowed):
                    findings.fault(f"seed {seed}: {name} with scope {allowed}: {outcome}", how)
                elif outcome == "FORBIDDEN":
                    findings.counts["of them forbidden"] += 1
                    connection.ping(b"still in")


def other_project(findings, server, seed, how):
    """A token of one project knows nothing of another; neither does who guesses names of projects."""
    token = create(server, "elsewhere", "read,ingest,admin", "--project", "elsewhere")
    if not known_soon(server, token):
        findings.fault(f"seed {seed}: a token that was made while the server ran is not let in", how)
        return
    with server.connect(token=token) as connection:
        name = attacked.card("token")
        row = attacked.columns_of([attacked.row_of(666)])
        for project in ("attack", ""):
            for kind, body in (
                    (wire.PREPARE, wire.prepare(attacked.NAMES, 2, project)),
                    (wire.PUSH, wire.push("counts", [name], row, project)), (wire.SCAN, wire.scan("counts", 5, project=project)),
                    (wire.ERASE, wire.erase([("card_id", wire.Type(wire.STRING), "token")], project)),
                    (wire.CONSOLE, wire.console(["retire", "counts@1"])), (wire.CONSOLE, wire.console(["describe", "counts"])),
                    (wire.CONSOLE, wire.console(["dead-letters", "show"])),
                    (wire.DESCRIBE, wire.short(project) + wire.short("counts"))):
                try:
                    reply = connection.call(kind, body)
                except wire.Refusal as refusal:
                    if refusal.name not in ("FORBIDDEN", "UNKNOWN_NAME"):
                        findings.fault(f"seed {seed}: another project's token: {kind} answers {refusal}", how)
                    continue
                if kind != wire.CONSOLE or not reply["exit"]:
                    findings.fault(f"seed {seed}: another project's token may do {kind} in `{project}`: {reply}", how)


def create(server, name, scope, *more):
    printed = json.loads(server.apus("token", "create", name, "--scope", scope, "--json", *more))["token"]
    return wire.token_of(printed)


def known_soon(server, token):
    return attacked.eventually(lambda: refused(server, token)[0] is None, 10)


def before_hello(findings, server, seed, how):
    """Nobody asks anything before saying who he is."""
    for kind in range(256):
        if kind == wire.HELLO:
            continue
        with server.connect(greet=False, seconds=30) as connection:
            connection.waiting[1] = (kind, None)
            try:
                connection.raw(wire.frame(kind, 1, b"attack"))
                _, answer = connection.next()
            except wire.Gone:
                answer = None
            except wire.Malformed as error:
                answer = error
            findings.counts["asked before HELLO"] += 1
            if not isinstance(answer, wire.Refusal) or answer.code not in wire.SESSION_CODES:
                findings.fault(f"seed {seed}: type {kind} before HELLO was answered {answer!r}", how)
            elif not connection.ends(10):
                findings.fault(f"seed {seed}: type {kind} before HELLO leaves the connection open", how)


def secrets_stay(findings, server, seed, tokens, how):
    """Neither the secret nor its digits stand anywhere that it was not put by its owner."""
    if stat.S_IMODE(os.stat(os.path.join(server.data, "tokens")).st_mode) != 0o600:
        findings.fault(f"seed {seed}: others may read the file of tokens", how)
    for folder, _, files in os.walk(server.home):
        for name in files:
            with open(os.path.join(folder, name), "rb") as file:
                content = file.read()
            for _, secret in tokens.values():
                if secret in content or secret.hex().encode() in content:
                    findings.fault(f"seed {seed}: a secret stands in {name}", how)
    with open(f"/proc/{server.process.pid}/environ", "rb") as file:
        if any(secret.hex().encode() in file.read() for _, secret in tokens.values()):
            findings.fault(f"seed {seed}: a secret stands in the environment", how)


def attack(findings, parent, seed, how):
    server = attacked.Server(parent, f"seed-{seed}", loops=2, tokens="on")
    tokens = {scope: create(server, scope.replace(",", "-"), scope) for scope in (
        "read", "ingest", "admin", "read,ingest", "read,ingest,admin")}
    with server:
        everything = tokens["read,ingest,admin"]
        if not known_soon(server, everything):
            findings.fault(f"seed {seed}: the right token is not let in", how)
            return
        with attacked.WellBehaved(server, token=everything) as beside:
            guess(findings, server, seed, *tokens["read"], how)
            before_hello(findings, server, seed, how)
            scopes(findings, server, seed, tokens, how)
            other_project(findings, server, seed, how)
            server.apus("token", "revoke", "ingest")
            if not attacked.eventually(lambda: refused(server, tokens["ingest"])[0] is not None, 10):
                findings.fault(f"seed {seed}: a revoked token opens connections", how)
        beside.report(findings, how)
        secrets_stay(findings, server, seed, tokens, how)
        if attacked.alive(findings, server, how) and server.stop():
            findings.fault(f"seed {seed}: it did not stop in good order: {server.words()}", how)


def main():
    attacked.need_server()
    findings = torture.Findings("server, tokens")
    with torture.folder(in_memory=True) as parent:
        for seed in torture.seeds([1]):
            attack(findings, parent, seed, f"SEEDS={seed} {SELF}")
    findings.conclude()


if __name__ == "__main__":
    main()
