// Who waits for an LSN is told by the appender's thread, and costs nothing while nobody waits but one lock a group.
//
// A wait is in `waits` until it is over: reached, given up, or ended with the store. Whoever takes it out, under the lock,
// is the one who may answer it; so each is answered exactly once, or never after it was given up.

package import ApusBytes
import ApusLog
import ApusSystem

/// What an LSN must be before a wait for it is over.
package enum LSNLine: UInt8, Sendable {
  case visible = 1
  case durable = 2
}

/// How far the store is.
package struct LSNReach: Equatable, Sendable {
  package var visible: LSN
  package var durable: LSN

  package init(visible: LSN, durable: LSN) {
    self.visible = visible
    self.durable = durable
  }

  func has(_ lsn: LSN, _ line: LSNLine) -> Bool {
    switch line {
    case .visible: lsn <= visible
    case .durable: lsn <= durable
    }
  }
}

/// By which a wait is given up.
package struct LSNWait: Hashable, Sendable {
  fileprivate let number: UInt64
}

final class LSNWatch: Sendable {
  typealias Completion = @Sendable (Result<LSNReach, StoreError>) -> Void

  private struct Waiting: Sendable {
    let number: UInt64
    let lsn: LSN
    let line: LSNLine
    let completion: Completion
  }

  private struct Box: Sendable {
    var reach = LSNReach(visible: .none, durable: .none)
    var waits: [Waiting] = []
    var lastNumber: UInt64 = 0
    /// Why nothing more will be reached.
    var end: StoreError?

    mutating func rise(to reach: LSNReach) {
      self.reach.visible = max(self.reach.visible, reach.visible)
      self.reach.durable = max(self.reach.durable, reach.durable)
    }
  }

  private let box = Monitor(Box())

  /// Nil when `completion` was called already, on this thread. `now` is what the caller has seen of the store.
  func wait(
    for lsn: LSN, _ line: LSNLine, now: LSNReach, _ completion: @escaping Completion
  ) -> LSNWait? {
    let (wait, answer) = box.withLock { box -> (LSNWait?, Result<LSNReach, StoreError>) in
      box.rise(to: now)
      if box.reach.has(lsn, line) { return (nil, .success(box.reach)) }
      if let end = box.end { return (nil, .failure(end)) }
      box.lastNumber += 1
      box.waits.append(Waiting(number: box.lastNumber, lsn: lsn, line: line, completion: completion))
      return (LSNWait(number: box.lastNumber), .success(box.reach))
    }
    if wait == nil { completion(answer) }
    return wait
  }

  /// Whether the wait was not over; then its completion is never called.
  func giveUp(_ wait: LSNWait) -> Bool {
    box.withLock { box in
      guard let place = box.waits.firstIndex(where: { $0.number == wait.number }) else { return false }
      box.waits.remove(at: place)
      return true
    }
  }

  /// By the appender, after what is visible or durable has risen.
  func rise(to reach: LSNReach) {
    let (reached, now) = box.withLock { box -> ([Waiting], LSNReach) in
      box.rise(to: reach)
      if box.waits.isEmpty { return ([], box.reach) }
      let now = box.reach
      let reached = box.waits.filter { now.has($0.lsn, $0.line) }
      if !reached.isEmpty { box.waits.removeAll { now.has($0.lsn, $0.line) } }
      return (reached, now)
    }
    for wait in reached { wait.completion(.success(now)) }
  }

  /// Nothing more will be reached. The first reason stays.
  func end(_ why: StoreError) {
    let left = box.withLock { box -> [Waiting] in
      if box.end == nil { box.end = why }
      defer { box.waits = [] }
      return box.waits
    }
    for wait in left { wait.completion(.failure(why)) }
  }
}

extension Store {
  package var reach: LSNReach { LSNReach(visible: visible, durable: log.view.durable) }

  /// Calls `completion` once, when the LSN is what the line says, or when that can never be; on the appender's thread, or at
  /// once on the caller's: then nil comes back. It must not wait.
  package func wait(
    for lsn: LSN, _ line: LSNLine,
    completion: @escaping @Sendable (Result<LSNReach, StoreError>) -> Void
  ) -> LSNWait? {
    shared.watch.wait(for: lsn, line, now: reach, completion)
  }

  /// Whether the wait was not over; then its completion is never called.
  package func giveUp(_ wait: LSNWait) -> Bool { shared.watch.giveUp(wait) }
}
