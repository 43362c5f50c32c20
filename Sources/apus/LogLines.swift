// `apus inspect log dump`: a line for each frame, as they come, so that any log fits into the same memory.

import ApusBytes
import ApusLog
import ApusSystem

enum LogLines {
  struct Options: Equatable {
    var from: UInt64 = 0
    /// Frames to show at most.
    var limit = UInt64.max
    var payload = false
    var json = false
  }

  static func run(_ data: String, _ options: Options, output: Output) throws(LogError) -> ExitCode {
    var left = options.limit
    // Behind everything that may be refused, so that an error stands alone.
    var isBegun = options.json
    try LogDump.run(data, on: RealDisk(), from: LSN(options.from)) { item, payload in
      guard left > 0 else { return false }
      if !isBegun { output.line(head) }
      isBegun = true
      if options.json {
        output.line(json(of: item, options.payload ? payload : nil))
      } else {
        output.line(line(of: item))
        if options.payload { Hex.dump(payload, into: output) }
      }
      if case .frame = item { left -= 1 }
      return left > 0 && output.goesOn
    }
    return .done
  }

  // MARK: For people

  private static let columns: [(head: String, width: Int, side: Table.Side)] = [
    ("segment", 7, .right), ("byte", 10, .right), ("type", 8, .left), ("LSNs", 17, .left),
    ("records", 7, .right),
    ("epoch", 5, .right), ("durable", 8, .right), ("append time", 30, .left), ("bytes", 8, .right),
    ("crc", 8, .left),
  ]

  private static var head: String { line(columns.map(\.head)) }

  private static func line(_ cells: [String]) -> String {
    Table.line(zip(cells, columns).map { Table.padded($0, to: $1.width, $1.side) })
  }

  private static func line(of item: LogDump.Item) -> String {
    switch item {
    case .frame(let segment, let frame):
      return line([
        "\(segment.id)", "\(frame.offset)", frame.type.name,
        frame.lsns.cell, "\(frame.recordCount)",
        "\(frame.epoch)",
        "\(frame.durable)", "\(frame.appendTime)", "\(frame.byteCount)", Hex.text(frame.headerCRC),
      ])
    case .damage(let segment, let damage): return "DAMAGE  \(damage.description(in: segment.name))"
    case .torn(let segment, let cut):
      return "torn    \(segment.name), bytes \(cut.at)..<\(max(cut.at, cut.contentEnd)): \(cut.fault); "
        + "never durable, cut by the next start"
    case .missing(let segment):
      let lost = segment.seal == nil ? "LSNs from \(segment.first) on" : "\(segment.lsns)"
      return "MISSING \(segment.name): \(lost) cannot be read"
    case .gap(let lsns): return "gap     \(lsns) are in no frame"
    }
  }

  // MARK: For programs

  private static func json(of item: LogDump.Item, _ payload: RawSpan?) -> JSON {
    switch item {
    case .frame(let segment, let frame):
      let line = json(of: frame, in: segment)
      guard let payload else { return line }
      return line.adding(["payload": .text(Hex.text(payload))])
    case .damage(let segment, let damage):
      return JSON(["kind": "damage"]).adding(damage.json(in: segment.name))
    case .torn(let segment, let cut):
      return JSON(["kind": "torn", "file": .text(segment.name)])
        .adding(["file_id": .number(segment.id.rawValue)]).adding(cut.json)
    case .missing(let segment):
      return JSON(["kind": "missing", "file": .text(segment.name), "file_id": .number(segment.id.rawValue)])
        .adding(segment.lsns.json)
    case .gap(let lsns): return JSON(["kind": "gap"]).adding(lsns.json)
    }
  }

  private static func json(of frame: FrameHeader, in segment: FileRecord) -> JSON {
    let place: JSON = [
      "kind": "frame", "file": .text(segment.name), "file_id": .number(segment.id.rawValue),
      "first_byte": .number(frame.offset), "end_byte": .number(frame.end), "type": .text(frame.type.name),
    ]
    let words: JSON = [
      "base": .number(frame.base.rawValue), "records": .number(frame.recordCount),
      "epoch": .number(frame.epoch),
      "durable_lsn": .number(frame.durable.rawValue), "append_time": .text("\(frame.appendTime)"),
      "clock_step": .boolean(frame.flags.contains(.clockStep)),
      "payload_bytes": .number(frame.payloadByteCount),
      "header_crc": .text(Hex.text(frame.headerCRC)), "payload_crc": .text(Hex.text(frame.payloadCRC)),
      "chain": .text(Hex.text(frame.chain)),
    ]
    return place.adding(frame.lsns.json).adding(words)
  }
}
