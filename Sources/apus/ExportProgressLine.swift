// How far an export is, by lines that a terminal shows over one another; a log file never sees them.

import ApusExport
import ApusSystem

/// How far an export is, for somebody who waits in front of a terminal.
final class ExportProgressLine: Sendable {
  private static let pause: UInt64 = 200_000_000
  private struct Shown: Sendable {
    var last: UInt64
    var began: UInt64
    var phase = ExportProgress.Phase.reading
    var isShown = false
  }

  private let isShown: Bool
  private let shown: Monitor<Shown>

  init(isShown: Bool) {
    self.isShown = isShown && StandardStream.error.isTerminal
    let now = SystemClock().monotonic().nanoseconds
    shown = Monitor(Shown(last: now, began: now))
  }

  /// Always true: nobody cancels from here.
  @discardableResult
  func show(_ progress: ExportProgress) -> Bool {
    guard isShown else { return true }
    let now = SystemClock().monotonic().nanoseconds
    let line = shown.withLock { shown -> String? in
      if shown.phase != progress.phase {
        shown.phase = progress.phase
        shown.began = now
      }
      guard now - shown.last >= Self.pause else { return nil }
      shown.last = now
      shown.isShown = true
      return Self.line(progress, UInt64(progress.done) * 1_000_000_000 / max(1, now - shown.began))
    }
    if let line { Self.write("\r  \(line)\u{1B}[K") }
    return true
  }

  private static func line(_ progress: ExportProgress, _ speed: UInt64) -> String {
    let head = "\(progress.phase.rawValue) \(Numbers.grouped(progress.done))"
    let rate = "\(Numbers.grouped(speed)) rows/s"
    guard let total = progress.total, speed > 0 else { return "\(head)   \(rate)" }
    let left = UInt64(max(0, total - progress.done)) / speed
    return "\(head) of \(Numbers.grouped(total))   \(rate)   \(left) s left"
  }

  func end() {
    if shown.withLock({ $0.isShown }) { Self.write("\r\u{1B}[K") }
  }

  private static func write(_ text: String) {
    let bytes = Array(text.utf8)
    // Who does not see it has lost nothing.
    try? unsafe StandardStream.error.write(bytes.span.bytes)
  }
}
