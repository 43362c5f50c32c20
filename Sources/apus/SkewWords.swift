// What `apus skew` says: how many cells were compared and how many differ, and of those that do both answers, with the receipt by which one of them
// is explained.

import ApusBytes
import ApusContracts
import ApusExport
import ApusStore
import ApusSystem

extension Skew {
  struct Told {
    struct Part {
      let title: String
      let wanted: Get.Wanted
      let vector: PreparedVector
      let tally: SkewTally
      let seal: SkewSeal

      init(
        _ title: String, _ wanted: Get.Wanted, _ vector: PreparedVector, _ tally: SkewTally, _ seal: SkewSeal
      ) {
        self.title = title
        self.wanted = wanted
        self.vector = vector
        self.tally = tally
        self.seal = seal
      }
    }

    /// Nil: answers were given.
    let seed: UInt64?
    /// Entities that were made up.
    let unknown: Int
    var parts: [Part] = []

    init(seed: UInt64?, unknown: Int) {
      self.seed = seed
      self.unknown = unknown
    }
  }
}

extension Skew.Told {
  func show(_ answer: Answer) {
    let differing = parts.reduce(0) { $0 + $1.tally.differing }
    if answer.isJSON {
      answer.output.line([
        "same": .boolean(differing == 0), "seed": seed.map { .number($0) } ?? .null,
        "unknown_entities": .number(unknown), "of": .list(parts.map(\.json)),
      ])
      return
    }
    for part in parts { part.lines(seed, unknown, answer.place).forEach { answer.output.line($0) } }
  }
}

extension Skew.Told.Part {
  fileprivate func lines(_ seed: UInt64?, _ unknown: Int, _ place: StorePlace) -> [String] {
    var lines = [
      "\(title): \(Numbers.count(tally.cells, "cell")) of \(Numbers.grouped(tally.answers)) "
        + "\(tally.answers == 1 ? "entity" : "entities"), \(Numbers.grouped(tally.differing)) differ"
    ]
    if let lsns = tally.lsns {
      let range =
        lsns.count == 1
        ? "LSN \(lsns.lowerBound)" : "LSN \(lsns.lowerBound) to \(lsns.upperBound)"
      let how =
        seed.map { "seed \($0), \(Numbers.grouped(unknown)) of them unknown to the store" }
        ?? "as receipts say"
      lines.append("  at \(range), \(how)")
    }
    let statuses = tally.statuses.enumerated().compactMap { code, count in
      count == 0
        ? nil
        : CellStatus(rawValue: UInt8(truncatingIfNeeded: code)).map {
          "\(Numbers.grouped(count)) \($0.inWords)"
        }
    }
    if !statuses.isEmpty { lines.append("  \(statuses.joined(separator: ", "))") }
    if tally.erasedSince > 0 {
      lines.append(
        "  not compared: \(Numbers.count(tally.erasedSince, "cell")) of keys that were erased since")
    }
    if tally.beyondHistory > 0 {
      lines.append("  not compared: \(Numbers.count(tally.beyondHistory, "cell")) beyond what views keep")
    }
    for difference in tally.differences {
      let column = vector.columns[difference.column]
      lines.append("\(words(difference.answer)) \(column.name): the \(difference.part.rawValue) differs")
      if let kept = difference.kept { lines.append("  kept:     \(kept)") }
      lines.append("  served:   \(words(difference.served))")
      lines.append("  exported: \(words(difference.exported))")
      if let receipt = seal.receipt(difference.answer) {
        lines.append(
          "  next: apus explain \(keys(difference.answer)) \(option) --receipt \(receipt)\(place.option)")
      }
    }
    let left = tally.differing - tally.differences.count
    if left > 0 { lines.append("and \(Numbers.grouped(left)) more: say a larger --limit") }
    return lines
  }

  private var option: String { "--\(wanted.option) \(Shell.word(wanted.text))" }

  private func members(_ answer: ServedAnswer) -> [(name: String, value: Value)] {
    var members: [(name: String, value: Value)] = []
    for key in vector.roles.flatMap(\.keys) where !members.contains(where: { $0.name == key.requested }) {
      if let value = answer.entity[key.requested] { members.append((key.requested, value)) }
    }
    return members
  }

  private func keys(_ answer: ServedAnswer) -> String {
    members(answer).map { Shell.word("\($0.name)=\($0.value.inWords)") }.joined(separator: " ")
  }

  private func words(_ answer: ServedAnswer) -> String {
    members(answer).map { "\($0.name)=\($0.value.inWords)" }.joined(separator: ",")
  }

  private func words(_ cell: ServedCell) -> String {
    var words = [cell.value?.inWords ?? "", cell.reason?.inWords ?? cell.status.inWords]
    if let time = cell.eventTime { words.append("event \(WallTime(nanoseconds: time))") }
    if let lsn = cell.lsn { words.append("lsn \(lsn)") }
    return words.filter { !$0.isEmpty }.joined(separator: "   ")
  }

  // MARK: For programs

  fileprivate var json: JSON {
    [
      "of": .text(title), "entities": .number(tally.answers), "cells": .number(tally.cells),
      "differ": .number(tally.differing), "erased_since": .number(tally.erasedSince),
      "beyond_history": .number(tally.beyondHistory),
      "first_lsn": tally.lsns.map { .number($0.lowerBound) } ?? .null,
      "last_lsn": tally.lsns.map { .number($0.upperBound) } ?? .null,
      "differences": .list(tally.differences.map(json)),
    ]
  }

  private func json(_ difference: SkewDifference) -> JSON {
    [
      "keys": .object(members(difference.answer).map { JSON.Member(key: $0.name, value: $0.value.json) }),
      "feature": .text(vector.columns[difference.column].name), "part": .text(difference.part.rawValue),
      "lsn": .number(difference.answer.lsn.rawValue),
      "read_time": .text("\(WallTime(nanoseconds: difference.answer.time.nanoseconds))"),
      "receipt": seal.receipt(difference.answer).map { .text($0) } ?? .null,
      "kept": difference.kept.flatMap { JSON(reading: Array($0.utf8)) } ?? .null,
      "served": json(difference.served), "exported": json(difference.exported),
    ]
  }

  private func json(_ cell: ServedCell) -> JSON {
    [
      "status": .text(cell.status.word), "reason": cell.reason.map { .text($0.inWords) } ?? .null,
      "value": cell.value?.json ?? .null,
      "event_time": cell.eventTime.map { .text("\(WallTime(nanoseconds: $0))") } ?? .null,
      "cell_lsn": cell.lsn.map { .number($0.rawValue) } ?? .null,
    ]
  }
}
