import ApusServer
import ApusSystem
import ApusTestSupport
import Foundation
import Testing

/// Keeps what is written, and holds the writer back while a test wants it.
private final class Sink: LogSink {
  private struct State: Sendable {
    var lines: [String] = []
    var isHeld = false
    var isWaiting = false
  }
  private let state = Monitor(State())

  func write(_ line: [UInt8]) {
    state.withLock { $0.isWaiting = $0.isHeld }
    state.notifyAll()
    _ = state.wait(for: nil) { !$0.isHeld }
    state.withLock { $0.lines.append(String(decoding: line, as: UTF8.self)) }
    state.notifyAll()
  }

  var lines: [String] { state.withLock { $0.lines } }
  func hold() { state.withLock { $0.isHeld = true } }
  /// Until the writer is inside a write that does not end.
  func waitForWriter() -> Bool { state.wait(for: 60_000_000_000) { $0.isWaiting } }
  func wait(for count: Int) -> Bool { state.wait(for: 60_000_000_000) { $0.lines.count >= count } }
  func release() {
    state.withLock { $0.isHeld = false }
    state.notifyAll()
  }
}

@Suite("The log of a server")
struct LoggerTests {
  private let clock = SimulatedClock(wall: WallTime(nanoseconds: 1_763_658_000_123_456_789))
  private let sink = Sink()

  private func logger(
    _ level: Configuration.LogLevel = .info, _ format: Configuration.LogFormat = .text
  ) throws -> Logger {
    let logger = Logger(level: level, format: format, sink: sink, clock: clock)
    try logger.start()
    return logger
  }

  @Test("has a line for each thing that happened, for people")
  func text() throws {
    let logger = try logger()
    logger.log(.info, "listening", [("address", "127.0.0.1:7399"), ("loops", .number(4))])
    logger.log(.debug, "not wanted")
    logger.log(.error, "odd", [("peer", .text("a \"b\"\n\u{1B}[31m\u{202E}é")), ("empty", "")])
    logger.close()
    #expect(
      sink.lines == [
        "2025-11-20T17:00:00.123Z info  listening address=127.0.0.1:7399 loops=4\n",
        "2025-11-20T17:00:00.123Z error odd peer=\"a \\\"b\\\"\\n\\u001b[31m\\u202eé\" empty=\"\"\n",
      ])
  }

  @Test("is one JSON object a line, for programs")
  func json() throws {
    let logger = try logger(.debug, .json)
    logger.log(.warn, "odd", [("peer", .text("a \"b\\\"\n\u{1B}\u{10FFFF}é")), ("n", .number(-3))])
    logger.close()
    let line = try #require(sink.lines.first)
    #expect(sink.lines.count == 1 && line.hasSuffix("}\n") && !line.dropLast().contains("\n"))
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["time"] as? String == "2025-11-20T17:00:00.123Z" && object["level"] as? String == "warn")
    #expect(object["peer"] as? String == "a \"b\\\"\n\u{1B}\u{10FFFF}é" && object["n"] as? Int == -3)
  }

  @Test("never makes anybody wait: what does not fit is dropped, counted, and the count is said")
  func dropped() throws {
    let logger = try logger()
    sink.hold()
    logger.log(.info, "first")
    #expect(sink.waitForWriter())
    // Each a kind of its own, so that no rate is exceeded.
    for number in 0..<Logger.linesMax + 7 { logger.log(.info, "line \(number)") }
    sink.release()
    logger.close()
    #expect(sink.lines.count == Logger.linesMax + 2)
    #expect(sink.lines.last == "2025-11-20T17:00:00.123Z warn  lines were dropped dropped=7\n")
  }

  @Test("says a thing twenty times a second, then how often it left it out")
  func rate() throws {
    let logger = try logger()
    for number in 0..<25 { logger.log(.warn, "again", [("n", .number(number))]) }
    logger.log(.info, "else")
    #expect(sink.wait(for: 21))
    clock.advance(nanoseconds: 1_000_000_000)
    logger.log(.warn, "again", [("n", .number(99))])
    for _ in 0..<22 { logger.log(.warn, "again") }
    logger.close()
    let again = sink.lines.filter { $0.contains(" again") }
    #expect(again.count == 40)
    let said = sink.lines.filter { $0.contains("left_out") }.map { String($0.dropFirst(25)) }
    // By the next line of its kind, or by the writer, whoever comes first.
    #expect(
      said == ["warn  again n=99 left_out=5\n", "warn  lines were left out of=again left_out=3\n"]
        || said == [
          "warn  lines were left out of=again left_out=5\n",
          "warn  lines were left out of=again left_out=3\n",
        ])
  }

  @Test("is complete when it is closed, and says nothing afterwards")
  func closed() throws {
    let logger = try logger()
    for number in 0..<500 { logger.log(.info, "line \(number)") }
    logger.close()
    #expect(sink.lines.count == 500)
    logger.log(.error, "late")
    #expect(sink.lines.count == 500)
  }
}
