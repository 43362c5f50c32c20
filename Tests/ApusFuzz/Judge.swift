// One input, one decoder: whatever the bytes, the decoder answers or refuses, and what it answers survives being written and
// read again. A trap, a report of the address sanitizer and a `disagreement` are findings alike.

import ApusBytes
import ApusContracts
import ApusWire

/// A decoder under attack, by the name that `APUS_FUZZ_TARGET` gives it.
enum Judge: String, CaseIterable {
  case header, hello, helloReply = "hello-reply", prepare, prepareReply = "prepare-reply", release, get
  case getReply = "get-reply", push, delete, pushReply = "push-reply", erase, eraseReply = "erase-reply"
  case producer, producerReply = "producer-reply", wait, waitReply = "wait-reply", scan
  case scanReply = "scan-reply", describe, describeReply = "describe-reply", stats
  case statsReply = "stats-reply", ping, pingReply = "ping-reply", console
  case consoleReply = "console-reply", history, historyReply = "history-reply", explain
  case explainReply = "explain-reply", export, exportReply = "export-reply", data, credit, progress, receipt,
    refusal = "error", compressed
  case records, cells, row, key, registry, definitions
  case deadLetter = "dead-letter", note

  func judge(_ bytes: RawSpan) {
    switch self {
    case .header: Frames.header(bytes)
    case .compressed: Frames.compressed(bytes)
    case .get: Questions.get(bytes)
    case .explain: Questions.explain(bytes)
    case .receipt: Questions.receipt(bytes)
    case .getReply: Replies.get(bytes)
    case .push: Rows.push(bytes, isDelete: false)
    case .delete: Rows.push(bytes, isDelete: true)
    case .scanReply: Rows.scan(bytes)
    case .records: Disk.records(bytes)
    case .cells: Disk.cells(bytes)
    case .row: Disk.row(bytes)
    case .key: Disk.key(bytes)
    case .registry: Disk.registry(bytes)
    case .definitions: Disk.definitions(bytes)
    case .deadLetter: Disk.deadLetter(bytes)
    case .note: Disk.note(bytes)
    default: message(bytes)
    }
  }

  /// Messages that have one form: what was read is written as the very bytes that it was read from.
  private func message(_ bytes: RawSpan) {
    var writer = ByteWriter()
    do throws(WireError) {
      switch self {
      case .hello: try HelloRequest(decoding: bytes).encode(into: &writer)
      case .helloReply: try HelloReply(decoding: bytes).encode(into: &writer)
      case .prepare: try PrepareRequest(decoding: bytes).encode(into: &writer)
      case .prepareReply: try PrepareReply(decoding: bytes).encode(into: &writer)
      case .release: try ReleaseRequest(decoding: bytes).encode(into: &writer)
      case .pushReply: try PushReply(decoding: bytes).encode(into: &writer)
      case .erase: try EraseRequest(decoding: bytes).encode(into: &writer)
      case .eraseReply: try EraseReply(decoding: bytes).encode(into: &writer)
      case .producer: try ProducerRequest(decoding: bytes).encode(into: &writer)
      case .producerReply: try ProducerReply(decoding: bytes).encode(into: &writer)
      case .wait: try WaitRequest(decoding: bytes).encode(into: &writer)
      case .waitReply: try WaitReply(decoding: bytes).encode(into: &writer)
      case .scan: try ScanRequest(decoding: bytes).encode(into: &writer)
      case .describe: try DescribeRequest(decoding: bytes).encode(into: &writer)
      case .describeReply: try DescribeReply(decoding: bytes).encode(into: &writer)
      case .stats: try StatsRequest(decoding: bytes).encode(into: &writer)
      case .statsReply: try StatsReply(decoding: bytes).encode(into: &writer)
      case .ping: try PingRequest(decoding: bytes).encode(into: &writer)
      case .pingReply: try PingReply(decoding: bytes).encode(into: &writer)
      case .console: try ConsoleRequest(decoding: bytes).encode(into: &writer)
      case .consoleReply: try ConsoleReply(decoding: bytes).encode(into: &writer)
      case .history: try HistoryRequest(decoding: bytes).encode(into: &writer)
      case .historyReply: try HistoryReply(decoding: bytes).encode(into: &writer)
      case .explainReply: try ExplainReply(decoding: bytes).encode(into: &writer)
      case .export: try ExportRequest(decoding: bytes).encode(into: &writer)
      case .exportReply: try ExportReply(decoding: bytes).encode(into: &writer)
      case .data: try StreamData(decoding: bytes).encode(into: &writer)
      case .credit: try StreamCredit(decoding: bytes).encode(into: &writer)
      case .progress: try StreamProgress(decoding: bytes).encode(into: &writer)
      case .refusal: try WireRefusal(decoding: bytes).encode(into: &writer)
      default: preconditionFailure("\(rawValue) has a judge of its own")
      }
    } catch {
      return
    }
    agree(writer.bytes, bytes, "\(rawValue) is written otherwise than it was read")
  }
}

/// That two runs of bytes are the same; else a finding.
func agree(_ a: RawSpan, _ b: RawSpan, _ what: @autoclosure () -> String) {
  guard a.byteCount == b.byteCount else { disagreement(what()) }
  for at in 0..<a.byteCount {
    // Below both sizes.
    let same =
      unsafe a.unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)
      == b.unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)
    guard same else { disagreement("\(what()), from byte \(at)") }
  }
}

func agree(_ holds: Bool, _ what: @autoclosure () -> String) {
  guard holds else { disagreement(what()) }
}

func disagreement(_ what: String) -> Never { preconditionFailure("DISAGREEMENT: \(what)") }
