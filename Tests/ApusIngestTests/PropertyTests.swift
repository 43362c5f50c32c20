import ApusContracts
import ApusIngest
import ApusSystem
import ApusTestSupport
import Testing

/// One random table, and how each format spells it.
private struct Table {
  struct Row {
    var card: String
    var time: Int64
    var cells: [FeatureInput]
  }

  let features: [LoadTarget.Feature]
  let rows: [Row]

  init(_ dice: inout SplitMix64, rowCount: Int) {
    features = Loading.target.features.filter { _ in dice.chance(0.7) }
    var rows: [Row] = []
    for _ in 0..<rowCount {
      let cells = features.map { feature -> FeatureInput in
        dice.chance(0.2) ? .null : .value(Self.value(&dice, feature.type))
      }
      rows.append(
        Row(card: Self.text(&dice), time: Int64(dice.below(2_000_000_000)) * 1_000_000_007, cells: cells))
    }
    self.rows = rows
  }

  static func text(_ dice: inout SplitMix64) -> String {
    let letters = [
      "a", "b", ",", "\"", "\n", "\r\n", "é", "\u{1F600}", " ", "\\", "{", "0", "\t", "\u{0}", "\u{7F}",
      "nul",
    ]
    return (0..<dice.below(8)).map { _ in dice.pick(letters) }.joined()
  }

  static func value(_ dice: inout SplitMix64, _ type: FeatureType) -> Value {
    func many<T>(_ make: (inout SplitMix64) -> T) -> [T] {
      let count = type.shape == .vector ? type.count : dice.below(4)
      return (0..<count).map { _ in make(&dice) }
    }
    func float(_ dice: inout SplitMix64) -> Double {
      let bits = Double(bitPattern: dice.next())
      return dice.coin() && bits.isFinite ? bits : Double(dice.below(1_000_000)) / 1_000
    }
    func small(_ dice: inout SplitMix64) -> Float {
      let bits = Float(bitPattern: UInt32(truncatingIfNeeded: dice.next()))
      return bits.isFinite ? bits : 0.5
    }
    switch (type.shape, type.element) {
    case (.scalar, .bool): return .bool(dice.coin())
    case (.scalar, .int32): return .int32(Int32(truncatingIfNeeded: dice.next()))
    case (.scalar, .int64): return .int64(Int64(bitPattern: dice.next()))
    case (.scalar, .float32): return .float32(small(&dice))
    case (.scalar, .float64): return .float64(float(&dice))
    case (.scalar, .bytes): return .bytes(dice.bytes(dice.below(6)))
    case (.scalar, .timestamp): return .timestamp(nanoseconds: Int64(bitPattern: dice.next()))
    case (.list, .timestamp): return .list(.timestamp(nanoseconds: many { Int64(bitPattern: $0.next()) }))
    case (.list, _): return .list(.string(many { text(&$0) }))
    case (.vector, _): return .vector(.float32(many { small(&$0) }))
    case (.scalar, _): return .string(text(&dice))
    }
  }

  // MARK: Spelling

  static func quoted(_ text: String) -> String {
    var all = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": all += "\\\""
      case "\\": all += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        all += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: all.unicodeScalars.append(scalar)
      }
    }
    return all + "\""
  }

  static func base64(_ bytes: [UInt8]) -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let part = Array(bytes[start..<min(start + 3, bytes.count)])
      let bits = part.enumerated().reduce(0) { $0 | Int($1.element) << (16 - 8 * $1.offset) }
      for place in 0..<4 {
        text += place <= part.count ? String(letters[bits >> (18 - 6 * place) & 63]) : "="
      }
    }
    return text
  }

  static func json(_ value: Value) -> String {
    switch value {
    case .bool(let bit): "\(bit)"
    case .int32(let number): "\(number)"
    case .int64(let number): "\(number)"
    case .float32(let number): "\(number)"
    case .float64(let number): "\(number)"
    case .string(let text): quoted(text)
    case .bytes(let bytes): quoted(base64(bytes))
    case .timestamp(let nanoseconds): quoted(TimestampSpelling.text(nanoseconds))
    case .list(.string(let all)): "[" + all.map(quoted).joined(separator: ",") + "]"
    case .list(.timestamp(let all)):
      "[" + all.map { quoted(TimestampSpelling.text($0)) }.joined(separator: ", ") + "]"
    case .vector(.float32(let all)): "[ " + all.map { "\($0)" }.joined(separator: " ,") + " ]"
    default: "null"
    }
  }

  static func plain(_ value: Value) -> String {
    switch value {
    case .string(let text): text
    case .bytes(let bytes): base64(bytes)
    case .timestamp(let nanoseconds): TimestampSpelling.text(nanoseconds)
    default: json(value)
    }
  }

  static func field(_ text: String, _ dice: inout SplitMix64) -> String {
    let needs = text.isEmpty || text.utf8.contains { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }
    guard needs || dice.chance(0.2) else { return text }
    return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
      + "\""
  }

  func csv(_ dice: inout SplitMix64) -> String {
    let end = dice.coin() ? "\n" : "\r\n"
    var text = (["card", "event_timestamp"] + features.map(\.name)).joined(separator: ",") + end
    for row in rows {
      var fields = [Self.field(row.card, &dice), TimestampSpelling.text(row.time)]
      for cell in row.cells {
        if case .value(let value) = cell {
          fields.append(Self.field(Self.plain(value), &dice))
        } else {
          fields.append("")
        }
      }
      text += fields.joined(separator: ",") + end
    }
    return text
  }

  func jsonl(_ dice: inout SplitMix64) -> String {
    rows.map { row in
      var members = [
        "\"card\": \(Self.quoted(row.card))", "\"event_timestamp\":\"\(TimestampSpelling.text(row.time))\"",
      ]
      for (feature, cell) in zip(features, row.cells) {
        if case .value(let value) = cell {
          members.append("\"\(feature.name)\" :\(Self.json(value))")
        } else {
          members.append("\"\(feature.name)\":null")
        }
      }
      if dice.coin() { members.shuffle(using: &dice) }
      return "{" + members.joined(separator: ",") + "}\n"
    }.joined()
  }
}

@Suite("Any file")
struct PropertyTests {
  @Test("says the same rows as CSV and as JSON lines, in pieces of any size", arguments: 0..<60)
  func formats(seed: UInt64) throws {
    var dice = SplitMix64(seed: seed)
    let table = Table(&dice, rowCount: dice.below(30))
    let csv = try Loading(table.csv(&dice), step: dice.within(1...200)) {
      $0.features = table.features.map(\.name)
    }
    let jsonl = try Loading(table.jsonl(&dice), step: dice.within(1...200)) {
      $0.format = .jsonl
      $0.features = table.features.map(\.name)
    }
    #expect(csv.report.unreadable == [] && jsonl.report.unreadable == [], "seed \(seed)")
    for load in [csv, jsonl] {
      #expect(load.rows.map(\.key) == table.rows.map { [.string($0.card)] }, "seed \(seed)")
      #expect(load.rows.map(\.times.eventTime?.nanoseconds) == table.rows.map(\.time), "seed \(seed)")
      #expect(load.rows.map(\.inputs) == table.rows.map(\.cells), "seed \(seed)")
      #expect(load.rows.allSatisfy { !$0.hasMisfit && $0.extras.isEmpty }, "seed \(seed)")
    }
  }

  @Test(
    "cut or changed anywhere, is read to its end without a trap, and every line is accounted for",
    arguments: 0..<150)
  func damage(seed: UInt64) throws {
    var dice = SplitMix64(seed: 1_000 + seed)
    let table = Table(&dice, rowCount: dice.within(1...12))
    for format in FileFormat.allCases {
      var bytes = Array((format == .csv ? table.csv(&dice) : table.jsonl(&dice)).utf8)
      for _ in 0..<dice.within(1...4) {
        let at = dice.below(bytes.count)
        switch dice.below(4) {
        case 0: bytes[at] = UInt8(truncatingIfNeeded: dice.next())
        case 1: bytes[at] = dice.pick([0x22, 0x2C, 0x0A, 0x0D, 0x5C, 0x7B, 0x5B, 0xFF])
        case 2: bytes.remove(at: at)
        default: bytes = Array(bytes.prefix(at))
        }
        if bytes.isEmpty { break }
      }
      do {
        let load = try Loading(bytes, step: dice.within(1...300)) {
          $0.format = format
          $0.ignoresUnknown = true
        }
        let ends = bytes.count { $0 == 0x0A } + (bytes.last == 0x0A || bytes.isEmpty ? 0 : 1)
        #expect(load.report.lines == ends, "seed \(seed) \(format)")
        // The lines of what was handed out: each once, and in order.
        var next = load.firstRowLine(format)
        let starts = (load.rows.map(\.line) + load.report.unreadable.map(\.lines.lowerBound)).sorted()
        #expect(Set(starts).count == starts.count, "seed \(seed) \(format)")
        for start in starts {
          #expect(start >= next, "seed \(seed) \(format)")
          next = start + 1
        }
        #expect(load.report.isComplete)
        #expect(load.report.rows == load.rows.count && load.report.accepted == load.rows.count)
        for found in load.report.unreadable {
          #expect(!load.rows.contains { found.lines.contains($0.line) }, "seed \(seed) \(format)")
        }
      } catch ReadError.refused {
        // The header, or the first object, is none that could be used.
      } catch LoadStop<SystemError>.refused {
      }
    }
  }

  @Test("has rows of bounded blocks, and each row in one of them")
  func blocks() throws {
    let count = 3 * RowBlock.rowsMax + 5
    let text = "card,event_timestamp\n" + String(repeating: "c,2026-11-19T14:03:22Z\n", count: count)
    let load = try Loading(text)
    #expect(load.blocks.map(\.rows.count) == [RowBlock.rowsMax, RowBlock.rowsMax, RowBlock.rowsMax, 5])
    #expect(load.blocks.map(\.offset.isEnd) == [false, false, false, true])
    #expect(load.rows.map(\.line) == Array(2...count + 1))
  }
}

extension Loading {
  fileprivate func firstRowLine(_ format: FileFormat) -> Int { format == .csv ? 2 : 1 }
}
