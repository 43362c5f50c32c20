// `apus status` of a server: its figures, in words and in groups, and what its store has. A figure that this program does not know
// is shown as it came, so that nothing a newer server says is lost.

import ApusBytes
import ApusWire

enum ServerStatus {
  static func run(
    _ connection: inout RemoteConnection, _ words: [String], isJSON: Bool, _ output: Output
  ) throws(Trouble) -> ExitCode {
    var json = JSON(["address": .text("\(connection.address)"), "version": .text(connection.server)])
    var figures: [(name: String, value: StatsReply.Entry)] = []
    for kind in StatsRequest.allCases {
      let body = try connection.ask(.stats, milliseconds: 10_000) { kind.encode(into: &$0) }
      let reply = try connection.read("STATS' answer", body) { (body) throws(WireError) in
        try StatsReply(decoding: body)
      }
      figures += reply.entries
      json = json.adding(
        .object([
          JSON.Member(
            key: "\(kind)",
            value: .object(reply.entries.map { JSON.Member(key: $0.name, value: $0.value.json) }))
        ]))
    }
    if isJSON {
      output.line(json)
      return .done
    }
    lines("\(connection.address)", connection.server, figures).forEach { output.line($0) }
    output.line("")
    // What the store has is known to the thread that writes, and its answer may be late; the figures above never are.
    return try Remote.console(&connection, words, [], output)
  }

  /// For people.
  static func lines(
    _ address: String, _ version: String, _ figures: [(name: String, value: StatsReply.Entry)]
  ) -> [String] {
    var known = Figures(figures)
    func size(_ name: String) -> String { ByteCount.inWords(known.number(name)) }
    func count(_ name: String) -> String { Numbers.grouped(known.number(name)) }
    var all = [
      "server        \(version) at \(address)",
      "  answered    \(count("gets")) GET of \(count("get_rows")) rows, \(count("pushes")) PUSH and DELETE of "
        + "\(count("pushed_rows")) rows, \(count("other_requests")) others",
      "  refused     \(count("refusals")) requests, \(count("wrong_tokens")) wrong tokens",
      "connections   \(count("connections")) open, \(count("accepted")) taken in, \(count("refused")) turned away, "
        + "\(count("sessions")) sessions since the start",
      "  bytes       \(size("bytes_received")) in, \(size("bytes_sent")) out, \(count("frames")) frames",
      "  cut off     \(count("ended_hello_late")) said no HELLO, \(count("ended_idle")) idle, "
        + "\(count("ended_slow_reader")) slow readers, \(count("ended_slow_sender")) slow senders, "
        + "\(count("ended_memory")) for memory",
      "memory        \(size("buffer_bytes")) buffers of connections, \(size("overlay_bytes")) overlay, "
        + "\(size("lookup_bytes")) lookups",
      "overlay       \(Numbers.count(known.number("overlay_generations"), "generation")), "
        + "\(Numbers.count(known.number("readers"), "reader"))",
      "LSN           \(count("visible")) visible, \(count("durable")) durable",
      "index         \(known.number("rebuilding") == 0 ? "" : "is being made again, and nothing is read until then; ")"
        + "made again \(Numbers.count(known.number("index_rebuilds"), "time"))",
      "definitions   \(Numbers.count(known.number("projects"), "project")), "
        + "\(Numbers.count(known.number("views"), "view")), \(Numbers.count(known.number("services"), "service"))",
      "history       \(Numbers.count(known.number("runs"), "run")) and "
        + "\(Numbers.count(known.number("ledgers"), "ledger")), \(size("history_bytes")); "
        + "\(size("compaction_debt_bytes")) of finished segments are not in it",
      "  compacted   \(Numbers.count(known.number("packs"), "pack")), "
        + Numbers.count(known.number("merges"), "merge")
        + amplification(known.real("write_amplification")),
    ]
    let trouble = known.text("trouble")
    let compacting = known.text("compaction_trouble")
    let lost = known.text("lost")
    if known.number("stopped") != 0 {
      all.append("STOPPED       the disk failed: nothing is written any more, until a restart")
    }
    if !trouble.isEmpty { all.append("TROUBLE       the index is not written: \(trouble)") }
    if !compacting.isEmpty { all.append("TROUBLE       history is not compacted: \(compacting)") }
    if !lost.isEmpty { all.append("LOST          LSN \(lost): read-only; see `apus repair`") }
    // It counts what changed the definitions; what people compare is the fingerprint, below.
    _ = known.number("catalog")
    _ = known.text("server")
    // Below, in the words of the store.
    _ = known.text("held_lost")
    for (name, value) in known.rest { all.append("\(name)  \(value.inWords)") }
    return all
  }

  /// Nothing where nothing left the log.
  private static func amplification(_ number: Double) -> String {
    guard number > 0, number < 1e15 else { return "" }
    let hundredths = Int64((number * 100).rounded())
    let rest = hundredths % 100
    return
      "; \(Numbers.grouped(hundredths / 100)).\(rest < 10 ? "0" : "")\(rest) bytes written for each that left the log"
  }
}

/// Figures by name, and which of them were not asked for.
private struct Figures {
  private let all: [(name: String, value: StatsReply.Entry)]
  private var used: Set<String> = []

  init(_ all: [(name: String, value: StatsReply.Entry)]) { self.all = all }

  /// 0 where an older server does not say it.
  mutating func number(_ name: String) -> Int64 {
    used.insert(name)
    guard case .int64(let number) = all.first(where: { $0.name == name })?.value else { return 0 }
    return number
  }

  mutating func real(_ name: String) -> Double {
    used.insert(name)
    guard case .float64(let number) = all.first(where: { $0.name == name })?.value else { return 0 }
    return number
  }

  mutating func text(_ name: String) -> String {
    used.insert(name)
    guard case .text(let text) = all.first(where: { $0.name == name })?.value else { return "" }
    return text
  }

  var rest: [(name: String, value: StatsReply.Entry)] { all.filter { !used.contains($0.name) } }
}

extension StatsReply.Entry {
  var inWords: String {
    switch self {
    case .int64(let number): Numbers.grouped(number)
    case .float64(let number): "\(number)"
    case .text(let text): text
    }
  }

  var json: JSON {
    switch self {
    case .int64(let number): .number(number)
    case .float64(let number): .real(number)
    case .text(let text): .text(text)
    }
  }
}
