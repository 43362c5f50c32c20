// How far a load is, for somebody who waits in front of a terminal; a log file never sees it.

import ApusIngest
import ApusSystem

final class Progress {
  private static let pause: UInt64 = 200_000_000

  private let clock = SystemClock()
  private let isShown: Bool
  private let began: UInt64
  private var last: UInt64

  init(isShown: Bool) {
    self.isShown = isShown && StandardStream.error.isTerminal
    began = clock.monotonic().nanoseconds
    last = began
  }

  func show(_ report: LoadReport) {
    guard isShown else { return }
    let now = clock.monotonic().nanoseconds
    guard now - last >= Self.pause else { return }
    last = now
    let speed = UInt64(report.rows) * 1_000_000_000 / max(1, now - began)
    let words =
      "\(Numbers.grouped(report.rows)) rows   \(Numbers.grouped(speed)) rows/s   \(Numbers.grouped(report.setAside)) set aside"
    write("\r  \(words)\u{1B}[K")
  }

  func end() {
    if isShown, last != began { write("\r\u{1B}[K") }
  }

  private func write(_ text: String) {
    let bytes = Array(text.utf8)
    // Who does not see it has lost nothing.
    try? unsafe StandardStream.error.write(bytes.span.bytes)
  }
}
