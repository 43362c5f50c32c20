// `apus check`: every byte is verified, and the verdict is the last line and the exit code.

import ApusBytes
import ApusLog
import ApusStore
import ApusSystem

enum Check {
  static let usualScratch = "/tmp"

  /// With a scratch folder the log is replayed, too.
  static func run(scratch: String?, _ answer: Answer) throws(Trouble) -> ExitCode {
    let log: LogCheck
    do throws(LogError) { log = try LogCheck.run(answer.data, on: RealDisk()) } catch {
      throw Trouble(error, isCheck: true, data: answer.data)
    }
    let store = try StoreCheck(behind: log, scratch: scratch, data: answer.data)
    let problems = log.problems + store.problems
    if answer.isJSON {
      answer.output.line(log.json(store))
    } else {
      (log.report(store) + ["", verdict(problems)]).forEach { answer.output.line($0) }
    }
    return problems.isEmpty ? .done : .checkFailed
  }

  private static func verdict(_ problems: [String]) -> String {
    problems.isEmpty ? "sound" : "NOT SOUND: \(Numbers.count(problems.count, "problem"))"
  }
}

extension LogCheck {
  /// From the floor to the last record that is there.
  fileprivate var lsns: LSNRange {
    LSNRange(state.floor, through: segments.last?.lsns.last ?? state.floor.previous)
  }

  fileprivate func report(_ store: StoreCheck) -> [String] {
    var lines = [
      "store     \(storeID)",
      "folder    \(folder)",
      "manifest  \(manifest), epoch \(state.epoch)",
      "log       \(lsns.isEmpty ? "no record" : "\(lsns)"): \(Numbers.count(frames, "frame")), "
        + "\(Numbers.count(records, "record")), \(Numbers.count(byteCount, "byte")), "
        + Numbers.count(segments.count, "segment"),
    ]
    lines += store.words.map { "\(Table.padded($0.name, to: 8, .left))  \($0.words)" }
    if !segments.isEmpty { lines += [""] + table.lines }
    lines += section("not in any frame", state.gaps.map { "\($0)" })
    lines += section("notes", notes + store.notes)
    lines += section("problems", problems + store.problems)
    return lines
  }

  private var table: Table {
    var table = Table([
      ("segment", .left), ("LSNs", .left), ("frames", .right), ("records", .right), ("bytes", .right),
      ("ends", .left),
    ])
    for segment in segments {
      table.add([
        segment.record.name, segment.lsns.cell,
        Numbers.grouped(segment.tally.frames), Numbers.grouped(segment.tally.records),
        Numbers.grouped(segment.byteCount), segment.tail.word,
      ])
    }
    return table
  }

  private func section(_ head: String, _ lines: [String]) -> [String] {
    lines.isEmpty ? [] : ["", head] + lines.map { "  \($0)" }
  }
}

extension LogCheck {
  fileprivate func json(_ store: StoreCheck) -> JSON {
    let notes = self.notes + store.notes
    let problems = self.problems + store.problems
    let head: JSON = [
      "sound": .boolean(problems.isEmpty), "folder": .text(folder), "store_id": .text("\(storeID)"),
      "manifest": JSON(["name": .text(manifest)]).adding(manifestTail.json),
    ]
    let sums: JSON = [
      "frames": .number(frames), "records": .number(records), "bytes": .number(byteCount),
      "segments": .list(segments.map(\.json)),
      "damages": .list(damages.map { $0.json(in: state.name(of: $0.file)) }),
      "notes": .list(notes.map { .text($0) }), "problems": .list(problems.map { .text($0) }),
    ]
    return head.adding(state.json).adding(lsns.json).adding(sums).adding(store.json)
  }
}

extension LogCheck.Segment {
  fileprivate var json: JSON {
    let head: JSON = [
      "name": .text(record.name), "file_id": .number(record.id.rawValue), "epoch": .number(record.epoch),
      "finished": .boolean(record.seal != nil),
    ]
    let sums: JSON = [
      "frames": .number(tally.frames), "records": .number(tally.records), "all_frames": .number(allFrames),
      "bytes": .number(byteCount),
    ]
    let times = TimeRange(first: tally.firstTime, last: tally.lastTime, frames: tally.frames)
    return head.adding(lsns.json).adding(sums).adding(times.json).adding(tail.json)
  }
}
