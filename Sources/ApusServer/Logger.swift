// What a server says of itself. Whoever logs leaves a line in a queue and goes on; one thread writes, a line with one write.
// The queue is bounded: when the reader of the log is slower than what happens, lines are dropped, counted, and the count is
// said, and nothing else waits.

package import ApusSystem

/// Where lines go, whole ones only. Called by one thread at a time.
package protocol LogSink: Sendable {
  func write(_ line: [UInt8])
}

/// Standard error. A line that cannot be written is gone: there is nobody left to tell.
package struct StandardErrorSink: LogSink {
  package init() {}

  package func write(_ line: [UInt8]) {
    do throws(SystemError) { try unsafe StandardStream.error.write(line.span.bytes) } catch { return }
  }
}

package final class Logger: Sendable {
  package static let linesMax = 4_096

  private struct Queue: Sendable {
    var lines: [LogLine] = []
    var rate = LogRate()
    var dropped = 0
    var isClosing = false
    var hasEnded = false
  }

  package let level: Configuration.LogLevel
  private let format: Configuration.LogFormat
  private let sink: any LogSink
  private let clock: any Clock
  private let queue = Monitor(Queue())

  package init(
    level: Configuration.LogLevel, format: Configuration.LogFormat, sink: any LogSink = StandardErrorSink(),
    clock: any Clock = SystemClock()
  ) {
    self.level = level
    self.format = format
    self.sink = sink
    self.clock = clock
  }

  /// Starts the thread that writes. What was logged before waits for it.
  package func start() throws(SystemError) {
    _ = try SystemThread.start(name: "apus-log") { self.run() }
  }

  /// Never waits for a reader of the log. A line about an error is dropped no later than any other.
  package func log(
    _ level: Configuration.LogLevel, _ message: String, _ fields: [(key: String, value: LogValue)] = []
  ) {
    guard level >= self.level else { return }
    let now = clock.monotonic().nanoseconds
    let time = clock.wall()
    queue.withLock { queue in
      guard !queue.isClosing else { return }
      switch queue.rate.judge(message, at: now) {
      case .leaveOut: return
      case .write(let left):
        guard queue.lines.count < Self.linesMax else {
          queue.dropped += 1
          return
        }
        let more: [(key: String, value: LogValue)] = left > 0 ? [("left_out", .number(left))] : []
        queue.lines.append(LogLine(time, level, message, fields + more))
      }
    }
    queue.notifyAll()
  }

  /// Writes what waits, and ends the thread.
  package func close() {
    queue.withLock { $0.isClosing = true }
    queue.notifyAll()
    _ = queue.wait(for: nil) { $0.hasEnded }
  }

  private func run() {
    var isLast = false
    while !isLast {
      var lines: [LogLine] = []
      // With something left out, its window's end is waited for, so that it is said even when nothing more happens.
      let owes = queue.withLock { $0.rate.owes > 0 }
      _ = queue.wait(for: owes ? LogRate.windowNanoseconds : nil) { queue in
        !queue.lines.isEmpty || queue.isClosing || queue.rate.owes > 0 && !owes
      }
      queue.withLock { queue in
        isLast = queue.isClosing
        swap(&lines, &queue.lines)
        let now = clock.monotonic().nanoseconds
        for (message, left) in queue.rate.settle(at: now, all: isLast) {
          lines.append(
            LogLine(
              clock.wall(), .warn, "lines were left out",
              [("of", .text(message)), ("left_out", .number(left))]))
        }
        if queue.dropped > 0 {
          let dropped = LogValue.number(queue.dropped)
          lines.append(LogLine(clock.wall(), .warn, "lines were dropped", [("dropped", dropped)]))
          queue.dropped = 0
        }
      }
      for line in lines {
        var bytes: [UInt8] = []
        line.write(as: format, into: &bytes)
        sink.write(bytes)
      }
    }
    queue.withLock { $0.hasEnded = true }
    queue.notifyAll()
  }
}
