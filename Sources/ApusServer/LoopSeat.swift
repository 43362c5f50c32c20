// What a loop is given before it has a thread, and what others may see of it.

import ApusSystem
import Synchronization

final class LoopSeat: Sendable {
  let index: Int
  let limits: TransportLimits
  let service: any ServerService
  let clock: any Clock
  let inbox: LoopInbox
  let poller: Poller
  let shared: LoopsShared
  /// The first loop has it.
  let acceptor: Acceptor?
  private let counts = Monitor(LoopCounts())

  init(
    index: Int, limits: TransportLimits, service: any ServerService, clock: any Clock, shared: LoopsShared,
    acceptor: Acceptor?
  ) throws(SystemError) {
    self.index = index
    self.limits = limits
    self.service = service
    self.clock = clock
    self.shared = shared
    self.acceptor = acceptor
    inbox = shared.inboxes[index]
    poller = try Poller()
  }

  /// This loop's part of the budget.
  var memoryByteCountMax: Int { limits.memoryByteCountMax / shared.inboxes.count }

  func publish(_ new: LoopCounts) { counts.withLock { $0 = new } }

  var published: LoopCounts { counts.withLock { $0 } }
}

/// What all loops share.
final class LoopsShared: Sendable {
  let inboxes: [LoopInbox]
  private let connectionCountMax: Int
  private let connectionCount = Atomic(0)

  init(loops: Int, connectionCountMax: Int) throws(SystemError) {
    var inboxes: [LoopInbox] = []
    for _ in 0..<loops { inboxes.append(try LoopInbox()) }
    self.inboxes = inboxes
    self.connectionCountMax = connectionCountMax
  }

  /// Counts one connection more, if there may be one more. Only the first loop enters, so the count never passes the limit.
  func enter() -> Bool {
    if connectionCount.load(ordering: .relaxed) >= connectionCountMax { return false }
    connectionCount.add(1, ordering: .relaxed)
    return true
  }

  func leave() { connectionCount.subtract(1, ordering: .relaxed) }
}
