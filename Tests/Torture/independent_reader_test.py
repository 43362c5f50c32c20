#!/usr/bin/env python3
"""Compares the reader that was written from Format.md alone with `apus`, on stores whole and broken.

First the golden files and stores of the independent writer; then lives, closed or killed at any moment, broken in one to
three ways: bits, zeroes, cuts, misdirected sectors, frames signed anew that do not fit. All frames, damages, torn tails
and verdicts must be the same. SEEDS chooses cases, COUNT how many, QUICK=1 few; KEEP=FOLDER keeps the stores that failed.
A killed life is not the same twice: what is done to its store is.
"""

import calendar
import json
import os
import random
import shutil
import struct
import subprocess
import time

import independent_reader
import independent_writer
import torture

APUS = os.environ.get("APUS") or os.path.join(torture.ROOT, ".build", "release", "apus")
GOLDEN = os.path.join(torture.ROOT, "Tests", "Vectors", "log-1")
SECTOR = 512
TYPES = {"records": 1, "mark": 2, "seal": 3, "clock": 4}


# What the two say, in the same words


def nanoseconds(words):
    seconds, fraction = words.rstrip("Z").split(".")
    return calendar.timegm(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(fraction)


def lost(damage):
    return None if damage["first_lsn"] is None else (damage["first_lsn"], damage["last_lsn"])


def said_by_apus(data):
    """Verdict and findings of `apus check`, frames of `apus inspect log dump`."""
    check = torture.run([APUS, "check", "--data", data, "--json"])
    try:
        answer = json.loads(check.stdout)
        if "error" in answer:
            return {"verdict": "refused"}, answer["error"]["what"]
        dump = torture.run([APUS, "inspect", "log", "dump", "--data", data, "--json"])
        lines = [json.loads(line) for line in dump.stdout.splitlines()]
    except ValueError:
        return {"verdict": f"no answer, exit code {check.returncode}"}, check.stderr
    for line in lines:
        if "error" in line:
            return {"verdict": f"dump: {line['error']['what']}"}, check.stdout
    torn = [segment["tail"] for segment in answer["segments"] if not segment["finished"]] + [answer["manifest"]["tail"]]
    return {
        "verdict": "damaged" if not answer["sound"] else "torn tail" if "torn" in torn else "sound",
        "manifest": (answer["manifest"]["name"], (answer["manifest"]["torn"] or {}).get("first_byte")),
        "state": [answer[name] for name in ("store_id", "epoch", "floor", "ceiling", "next_file_id")],
        "gaps": [(gap["first_lsn"], gap["last_lsn"]) for gap in answer["gaps"]],
        "cuts": [
            (segment["name"], segment["torn"]["first_byte"])
            for segment in answer["segments"] if segment["torn"] and not segment["finished"]],
        "damages": sorted(
            [(each["file"], each["first_byte"], each["end_byte"], lost(each)) for each in answer["damages"]], key=str),
        "frames": [
            (line["file"], line["first_byte"], line["end_byte"], TYPES[line["type"]], line["base"], line["records"],
             line["durable_lsn"], nanoseconds(line["append_time"]), line["payload_bytes"], line["header_crc"],
             line["payload_crc"])
            for line in lines if line["kind"] == "frame"],
    }, "; ".join(answer["problems"] + answer["notes"])


def said_by_the_page(data):
    answer = independent_reader.read_store(data)
    if answer["verdict"] == "refused":
        return {"verdict": "refused"}, answer["problems"][0]
    return {
        "verdict": answer["verdict"],
        "manifest": (answer["manifest"]["name"], answer["manifest"]["cut"]),
        "state": [answer[name] for name in ("store_id", "epoch", "floor", "ceiling", "next_file")],
        "gaps": [tuple(gap) for gap in answer["gaps"]],
        "cuts": [
            (segment["name"], segment["cut"]) for segment in answer["segments"] if segment["cut"] is not None],
        "damages": sorted(
            [(each["file"], each["first_byte"], each["end_byte"], lost(each)) for each in answer["damages"]], key=str),
        "frames": [
            (segment["name"], frame["offset"], frame["end"], frame["type"], frame["first"],
             frame["last"] - frame["first"] + 1, frame["durable"], frame["time"], frame["bytes"],
             f"{frame['header_crc']:08x}", f"{frame['payload_crc']:08x}")
            for segment in answer["segments"] for frame in segment["frames"]],
    }, "; ".join(answer["problems"])


def compare(data):
    """The verdict, and in what the two differ."""
    (apus, apus_words), (page, page_words) = said_by_apus(data), said_by_the_page(data)
    if apus["verdict"] != page["verdict"]:
        return page["verdict"], (
            f"apus {apus['verdict']}, the page {page['verdict']}; apus says: {apus_words}; the page: {page_words}")
    different = [
        f"{name}: apus {brief(apus.get(name), page.get(name))}, the page {brief(page.get(name), apus.get(name))}"
        for name in sorted(apus.keys() | page.keys()) if apus.get(name) != page.get(name)]
    if different:
        different.append(f"apus says: {apus_words}; the page: {page_words}")
    return page["verdict"], "\n    ".join(different)


def brief(mine, other):
    if isinstance(mine, list) and isinstance(other, list):
        return f"{len(mine)} with {[each for each in mine if each not in other][:3]}"
    return mine


# Stores, and what is done to them


def live(parent, dice, seed):
    """A life: closed, dropped, or killed while it runs."""
    store = torture.Store.fresh(parent)
    killed = dice.random() < 0.7
    options = [
        "--frames", dice.choice(["5", "30", "100000"]) if killed else str(dice.randrange(0, 60)),
        "--rounds", "100000" if killed else str(dice.randrange(1, 4)), "--tell",
        "--segment", dice.choice(["8192", "32768"]), "--group", dice.choice(["1", "4", "30"]),
        "--durability", dice.choice(["buffered", "durable"]), "--via", dice.choice(["writer", "appender"])]
    options += ["--retire"] if dice.random() < 0.4 else []
    life = subprocess.Popen(
        store.live(seed, *options), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for _ in range(dice.randrange(0, 120) if killed else 10**9):
        if not life.stdout.readline():
            break
    if killed:
        life.kill()
    life.communicate()
    return store


def filled(data):
    """Where the last byte that is not zero ends."""
    return len(bytes(data).rstrip(b"\0"))


def signed(data, dice):
    """One frame is given a field of another value, and the checksums that belong to it."""
    header = data[:4096]
    store, id = header[32:48], header[48:56]
    frames = [at for at in range(4096, filled(data), 8) if data[at : at + 4] == b"APFR"]
    if not frames:
        return "nothing to sign"
    at = frames[-1 - int(len(frames) * dice.random() ** 2)]
    seed = bytes(store) + bytes(id) + struct.pack("<Q", at)
    offset, size, name = dice.choice([
        (8, 1, "type"), (9, 1, "flags"), (10, 2, "zero"), (12, 4, "length"), (16, 8, "base"), (24, 4, "count"),
        (28, 4, "epoch"), (32, 8, "durable"), (40, 8, "time"), (52, 4, "chain")])
    value = int.from_bytes(data[at + offset : at + offset + size], "little")
    value = dice.choice([
        value + 1, value - 1, value + 8, value ^ 1 << dice.randrange(size * 8), 0, 1, dice.getrandbits(size * 8)])
    data[at + offset : at + offset + size] = (value % (1 << size * 8)).to_bytes(size, "little")
    data[at + 4 : at + 8] = struct.pack("<I", independent_reader.crc(seed, data[at + 8 : at + 56]))
    return f"frame {at}: {name} {value}"


def rewritten(data, dice):
    """One word of a payload is given another value, and every checksum of the file is made to fit."""
    try:
        header = independent_reader.FileHeader(bytes(data), bytes(data[:8]))
    except (ValueError, independent_reader.Refused):
        return "nothing to rewrite"
    file, at, frames = independent_reader.FrameFile(bytes(data), header), 4096, []
    while frame := file.whole(at, False):
        frames.append(frame)
        at = frame.end
    if not (payloads := [each for each in frames if each.length >= 8]):
        return "nothing to rewrite"
    chosen = dice.choice(payloads)
    at = chosen.offset + 56 + dice.randrange(chosen.length // 8) * 8
    value = int.from_bytes(data[at : at + 8], "little")
    value = dice.choice([value + 1, value - 1, value ^ 1 << dice.randrange(64), 0, 1]) % (1 << 64)
    data[at : at + 8] = value.to_bytes(8, "little")
    chain = header.crc
    for frame in frames:
        seed = file.seeds + struct.pack("<Q", frame.offset)
        start, body = frame.offset, frame.offset + 56
        data[start + 48 : body] = struct.pack("<II", independent_reader.crc(seed, data[body : frame.end]), chain)
        chain = independent_reader.crc(seed, data[start + 8 : body])
        data[start + 4 : start + 8] = struct.pack("<I", chain)
    return f"frame {chosen.offset}: word {at} is {value}"


def header_signed(data, dice):
    offset = dice.choice([8, 16, 24, 32, 48, 56, 64, 72, 76, 80, 88 + dice.randrange(4000)])
    data[offset] ^= 1 << dice.randrange(8)
    data[12:16] = struct.pack("<I", independent_reader.crc(data[:12], data[16:4096]))
    return f"header byte {offset}"


def spoil(data, dice, way):
    """Breaks the bytes of a file in place, and says how."""
    end = max(filled(data), 1)
    # Half of the time near the end of what was written, where the rules are.
    near = min(end - 1, max(0, end - dice.randrange(1, 1200)) if dice.random() < 0.5 else dice.randrange(end))
    if way == "flip":
        data[near] ^= 1 << dice.randrange(8)
    elif way == "zeroes":
        start, count = near // 8 * 8, dice.choice([8, 56, 64, 512, 4096])
        data[start : start + count] = bytes(len(data[start : start + count]))
    elif way == "zero sector":
        start = near // SECTOR * SECTOR
        data[start : start + SECTOR] = bytes(len(data[start : start + SECTOR]))
    elif way == "zero to the end":
        data[near:] = bytes(len(data) - near)
    elif way == "cut":
        del data[near:]
    elif way == "longer":
        data += dice.choice([bytes(8), bytes(4096), dice.randbytes(dice.randrange(1, 64))])
    elif way == "copied sector":
        start, near = dice.randrange(end) // SECTOR * SECTOR, near // SECTOR * SECTOR
        data[near : near + SECTOR] = data[start : start + SECTOR]
    elif way == "rubbish behind":
        count = dice.choice([1, 8, 56, 300])
        data[end : end + count] = dice.randbytes(len(data[end : end + count]))
    elif way == "signed":
        return f"{way}: {signed(data, dice)}"
    elif way == "rewritten":
        return f"{way}: {rewritten(data, dice)}"
    elif way == "header signed":
        return f"{way}: {header_signed(data, dice)}"
    return f"{way} at {near} of {end}"


WAYS = [
    ("flip", 6), ("zeroes", 4), ("zero sector", 4), ("zero to the end", 4), ("cut", 3), ("longer", 1),
    ("copied sector", 2), ("rubbish behind", 2), ("signed", 4), ("header signed", 1), ("rewritten", 3)]


def break_store(store, dice):
    """One to three faults, mostly in the last segment; says where."""
    words = []
    for _ in range(dice.choice([0, 1, 1, 1, 2, 3])):
        segments = sorted(os.listdir(os.path.join(store.data, "log")))
        named = [name for name in os.listdir(store.data) if name.startswith("manifest-")]
        choice = dice.random()
        if choice < 0.16 and named:
            path = os.path.join(store.data, max(named))
        elif choice < 0.18:
            path = os.path.join(store.data, "CURRENT")
        elif segments:
            path = os.path.join(store.data, "log", segments[-1] if choice < 0.6 else dice.choice(segments))
        else:
            continue
        if dice.random() < 0.02:
            os.remove(path)
            words.append(f"{os.path.basename(path)}: removed")
            continue
        with open(path, "rb") as file:
            data = bytearray(file.read())
        if not data:
            continue
        [way] = dice.choices([way for way, _ in WAYS], [weight for _, weight in WAYS])
        if "manifest-" in path and dice.random() < 0.6:
            way = "rewritten"
        if way in ("signed", "header signed", "rewritten") and (data[:4] != b"APUS" or len(data) < 4096):
            way = "flip"
        words.append(f"{os.path.basename(path)}: {spoil(data, dice, way)}")
        with open(path, "wb") as file:
            file.write(data)
    return words


def case(findings, parent, seed):
    dice = random.Random(seed)
    how = f"SEEDS={seed} Tests/Torture/independent_reader_test.py"
    if dice.random() < 0.2:
        store = torture.Store.fresh(parent)
        independent_writer.make(store.data, seed)
    else:
        store = live(parent, dice, seed)
    if not os.path.exists(os.path.join(store.data, "CURRENT")):
        findings.counts["killed before there was a store"] += 1
        return
    words = break_store(store, dice)
    verdict, different = compare(store.data)
    findings.counts["cases"] += 1
    findings.counts[verdict] += 1
    if different:
        findings.fault(f"seed {seed}: {'; '.join(words) or 'nothing broken'}\n    {different}", how)
        if keep := os.environ.get("KEEP"):
            shutil.copytree(store.data, os.path.join(keep, str(seed)))


def whole(findings, parent):
    """The golden files, and stores made from the page alone, of which nothing may be missing."""
    verdict, different = compare(GOLDEN)
    findings.counts["golden"] += 1
    if verdict != "sound" or different:
        findings.fault(f"the golden files: {verdict}; {different}", "Tests/Torture/independent_reader_test.py")
    for seed in range(1, 11):
        data = os.path.join(parent, f"written-{seed}")
        written = independent_writer.make(data, seed)
        answer = independent_reader.read_store(data)
        found = [
            [frame["first"], frame["last"], frame["time"], frame["crc"]]
            for segment in answer["segments"] for frame in segment["frames"] if frame["last"] >= frame["first"]]
        verdict, different = compare(data)
        findings.counts["written from the page"] += 1
        if verdict != "sound" or different or found != written:
            findings.fault(
                f"a store written from the page, {seed}: {verdict}; {different or 'frames are missing'}",
                f"Tests/Torture/independent_writer.py DIR {seed}")


    for too_many in (0, 1):
        data = os.path.join(parent, f"sealed-{too_many}")
        independent_writer.make(data, 1, seals_last=True, too_many=too_many)
        verdict, different = compare(data)
        findings.counts["seals that are not listed"] += 1
        if verdict != ("damaged" if too_many else "sound") or different:
            findings.fault(
                f"a seal that is not listed counts {too_many} too many: {verdict}; {different}",
                "Tests/Torture/independent_reader_test.py")


def main():
    torture.need()
    if not os.access(APUS, os.X_OK):
        raise SystemExit(f"{APUS} is not built: swift build -c release --product apus")
    findings = torture.Findings("independent reader")
    with torture.folder(in_memory=True) as parent:
        whole(findings, parent)
        for seed in torture.seeds(range(1, torture.count(400, 60) + 1)):
            case(findings, parent, seed)
            if findings.enough():
                break
    findings.conclude()


if __name__ == "__main__":
    main()
