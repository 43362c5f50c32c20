// `apus inspect log stat`: what the manifest promises, and the segments one by one. Finished segments are not read.

import ApusBytes
import ApusLog
import ApusSystem

enum LogStat {
  static func run(_ data: String, json: Bool, output: Output) throws(LogError) -> ExitCode {
    let overview = try LogOverview.read(data, on: RealDisk())
    if json { output.line(overview.json) } else { overview.report.forEach { output.line($0) } }
    return .done
  }
}

extension LogOverview {
  private var state: ManifestState { manifest.state }

  fileprivate var report: [String] {
    var lines = [
      "store        \(manifest.storeID)",
      "folder       \(folder)",
      "manifest     \(manifest.name), \(Numbers.count(manifest.edits.count, "edit"))"
        + (manifest.survey.tail == .clean ? "" : ", and one that was cut short and never took effect"),
      "epoch        \(state.epoch)",
      "floor        \(state.floor)      the lowest LSN that the log still holds",
      "ceiling      \(state.ceiling)      no LSN from here on was ever given out",
      "next file    \(state.nextFile)",
      "last append  \(state.lastAppendTime.map { "\($0), or later" } ?? "not known")",
    ]
    if !segments.isEmpty { lines += [""] + table.lines }
    lines += section("gaps: LSNs that no frame holds", state.gaps.map { "\($0)" })
    lines += section(
      "damage",
      segments.flatMap { segment in segment.damages.map { $0.description(in: segment.record.name) } }
        + state.damages.filter { $0.file == .none }.map(\.description))
    lines += section("losses that a person accepted", state.accepted.map(\.description))
    lines += section("history that a person gave up", state.givenUp.map(\.description))
    lines += section("timelines", state.forks.map(\.description))
    lines += section("removed, and perhaps not yet gone", state.removed.map(\.name))
    return lines
  }

  private var table: Table {
    var table = Table([
      ("segment", .left), ("LSNs", .left), ("frames", .right), ("records", .right), ("bytes", .right),
      ("first append", .left), ("last append", .left), ("state", .left),
    ])
    for segment in segments {
      table.add(
        [
          segment.record.name, segment.lsns.cell,
          Numbers.grouped(segment.frames), Numbers.grouped(segment.records),
          segment.byteCount.map { Numbers.grouped($0) } ?? "-",
        ] + segment.times.cells + [segment.word])
    }
    return table
  }

  private func section(_ head: String, _ lines: [String]) -> [String] {
    lines.isEmpty ? [] : ["", head] + lines.map { "  \($0)" }
  }

  fileprivate var json: JSON {
    let head: JSON = [
      "folder": .text(folder), "store_id": .text("\(manifest.storeID)"),
      "manifest": JSON(["name": .text(manifest.name), "edits": .number(manifest.edits.count)])
        .adding(manifest.survey.tail.json),
    ]
    return head.adding(state.json).adding(["segments": .list(segments.map(\.json))])
  }
}

extension LogOverview.Segment {
  /// LSNs are given out without holes inside a segment, so what damage did not take is there.
  fileprivate var records: UInt64 {
    let lost = damages.reduce(0) { $0 + $1.lsns.count }
    return lsns.count - min(lost, lsns.count)
  }

  fileprivate var times: TimeRange { TimeRange(first: firstTime, last: lastTime, frames: frames) }

  fileprivate var word: String {
    if byteCount == nil { return "missing" }
    guard let tail else { return "finished" }
    return tail == .clean ? "unfinished" : "unfinished, \(tail.word)"
  }

  fileprivate var json: JSON {
    let head: JSON = [
      "name": .text(record.name), "file_id": .number(record.id.rawValue), "epoch": .number(record.epoch),
      "finished": .boolean(record.seal != nil),
    ]
    let sums: JSON = [
      "frames": .number(frames), "records": .number(records), "bytes": byteCount.map { .number($0) } ?? .null,
    ]
    return head.adding(lsns.json).adding(sums).adding(times.json)
      .adding(tail?.json ?? ["tail": "sealed", "torn": .null])
      .adding(["damages": .list(damages.map { $0.json(in: record.name) })])
  }
}
