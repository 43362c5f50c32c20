// The log's own values as JSON. An LSN that there is not is null.

import ApusBytes
import ApusLog
import ApusSystem

extension LSNRange {
  /// For a table's cell, which has a head.
  var cell: String {
    if isEmpty { return "-" }
    return first == last ? "\(first)" : "\(first)–\(last)"
  }

  var json: JSON {
    [
      "first_lsn": isEmpty ? .null : .number(first.rawValue),
      "last_lsn": isEmpty ? .null : .number(last.rawValue),
    ]
  }
}

extension FileRecord {
  /// What the manifest says that it holds; of an unfinished one it does not know.
  var lsns: LSNRange { LSNRange(first, through: seal?.last ?? first.previous) }
}

extension Damage {
  func json(in name: String?) -> JSON {
    let place: JSON = [
      "file": name.map { .text($0) } ?? .null, "file_id": .number(file.rawValue),
      "first_byte": .number(firstByte),
      "end_byte": .number(endByte),
    ]
    return place.adding(lsns.json)
  }
}

extension AcceptedLoss {
  var json: JSON { lsns.json.adding(["time": .text("\(time)")]) }
}

extension GivenUp {
  var json: JSON {
    let head: JSON = [
      "file_id": .number(file.rawValue), "kind": .text(kind == .run ? "run" : "ledger"),
      "view_version": kind == .run ? .number(view) : .null,
    ]
    return head.adding(lsns.json).adding([
      "lost": .number(lost), "time": .text("\(time)"), "held": .boolean(isHeld),
      "least_key": least.isEmpty ? .null : .text(unsafe Hex.text(least.span.bytes)),
      "greatest_key": greatest.isEmpty ? .null : .text(unsafe Hex.text(greatest.span.bytes)),
    ])
  }
}

extension Fork {
  var json: JSON {
    [
      "timeline": .text("\(timeline)"), "parent": .text("\(parent)"),
      "last_shared_lsn": lastShared == .none ? .null : .number(lastShared.rawValue),
    ]
  }
}

extension Survey.Cut {
  var json: JSON {
    [
      "first_byte": .number(at), "end_byte": .number(max(at, contentEnd)), "why": .text("\(fault)"),
      "whole_frames": .number(wholeFrames),
    ]
  }
}

extension Survey.Tail {
  var word: String {
    switch self {
    case .clean: "clean"
    case .sealed: "sealed"
    case .torn: "torn"
    }
  }

  /// How the file ends, and what is cut.
  var json: JSON {
    var cut = JSON.null
    if case .torn(let found) = self { cut = found.json }
    return ["tail": .text(word), "torn": cut]
  }
}

extension ManifestState {
  var json: JSON {
    [
      "epoch": .number(epoch), "ceiling": .number(ceiling.rawValue), "floor": .number(floor.rawValue),
      "next_file_id": .number(nextFile.rawValue),
      "last_append_time": lastAppendTime.map { .text("\($0)") } ?? .null, "gaps": .list(gaps.map(\.json)),
      "removed_files": .list(removed.map { .text($0.name) }),
      "accepted_losses": .list(accepted.map(\.json)), "forks": .list(forks.map(\.json)),
      "given_up": .list(givenUp.map(\.json)),
    ]
  }

  func name(of id: FileID) -> String? { files.first { $0.id == id }?.name }
}

/// When the first and the last frame with records were appended; there may be none.
struct TimeRange {
  let first: WallTime
  let last: WallTime
  let frames: UInt64

  var json: JSON {
    [
      "first_append_time": frames > 0 ? .text("\(first)") : .null,
      "last_append_time": frames > 0 ? .text("\(last)") : .null,
    ]
  }

  var cells: [String] { frames > 0 ? ["\(first)", "\(last)"] : ["-", "-"] }
}
