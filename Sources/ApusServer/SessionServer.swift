// What all sessions of a server share. Everything here may be used by any thread; what belongs to one loop is in
// `SessionLoop`, and what belongs to one connection in `Session`.

package import ApusBytes
import ApusContracts
package import ApusExport
package import ApusStore
package import ApusSystem
package import ApusWire
import Synchronization

package final class SessionServer: Sendable {
  package typealias Stats = [(name: String, value: StatsReply.Entry)]

  package let store: Store
  package let options: SessionOptions
  /// Nil: everybody may do everything.
  let tokens: (any TokenCheck)?
  let console: any ConsoleHandler
  /// What those who own the loops know of connections.
  let connections: @Sendable () -> Stats
  /// Time zones by their names, as they are known where the server is put together.
  let zones: @Sendable (String) -> LabelZone?
  /// The clock that loops give as `now`.
  let clock: any Clock
  let counters = SessionCounters()
  let holders = TokenHolders()
  /// Batches that are too large for a loop. One thread: so a connection's writes keep their order.
  let admitter: Worker
  /// Scans, and what is typed at the console.
  let tasks: Worker
  /// Reads of the past.
  let past: Worker
  /// Training sets.
  let exports: ExportDesk

  package init(
    _ store: Store, options: SessionOptions = SessionOptions(), tokens: (any TokenCheck)? = nil,
    console: any ConsoleHandler, zones: @escaping @Sendable (String) -> LabelZone? = { _ in nil },
    clock: any Clock = SystemClock(),
    connections: @escaping @Sendable () -> Stats = { [] }
  ) throws(SystemError) {
    self.store = store
    self.options = options
    self.tokens = tokens
    self.console = console
    self.clock = clock
    self.zones = zones
    self.connections = connections
    admitter = try Worker(name: "apus-admit")
    tasks = try Worker(name: "apus-tasks")
    let holders = holders
    tokens?.whenRevoked { holders.revoke($0) }
    past = try Worker(name: "apus-past", jobsMax: SessionLimits.pastJobsMax)
    exports = ExportDesk(store, options, zones)
  }

  /// Does what the workers were given, and ends them; after the loops, and before the store is closed.
  package func close() {
    admitter.close()
    tasks.close()
    past.close()
    exports.close()
  }

  /// The project that a request names; when it names none, the only one.
  func project(_ name: String, in catalog: Catalog) throws(WireRefusal) -> String {
    let projects = catalog.registry.projects
    if name.isEmpty {
      guard projects.count <= 1 else { throw .whichProject(projects.map(\.name)) }
      guard let only = projects.first else { throw StoreError.unknownProject("").refusal() }
      return only.name
    }
    guard catalog.registry.project(name) != nil else {
      let error = StoreError.unknownProject(name)
      throw error.refusal(next: Suggestions.next(error, in: catalog))
    }
    return name
  }
}

extension SessionServer: ServerService {
  package func loopService(loop: Int) -> any LoopService { SessionLoop(self) }

  package func writeRefusal(into output: inout ByteWriter) {
    FrameWriter.write(
      WireRefusal(
        .overloaded, "the server has as many connections as it may", next: "wait, and connect again",
        waitMilliseconds: SessionLimits.troubleWaitMilliseconds), id: 0, into: &output)
  }
}

/// What is counted for STATS.
final class SessionCounters: Sendable {
  let sessions = Atomic<Int>(0)
  let gets = Atomic<Int>(0)
  let getRows = Atomic<Int>(0)
  let pushes = Atomic<Int>(0)
  let pushedRows = Atomic<Int>(0)
  let others = Atomic<Int>(0)
  let refusals = Atomic<Int>(0)
  let wrongTokens = Atomic<Int>(0)
  /// How long the next wrong token waits for its answer, and since when that is so.
  private let delay = Monitor<(nanoseconds: UInt64, since: UInt64)>((0, 0))

  static func add(_ count: Int = 1, to counter: borrowing Atomic<Int>) {
    counter.add(count, ordering: .relaxed)
  }

  /// For how long the answer to a wrong token is held back: twice as long as the one before, and half as long again for
  /// every second without one.
  func delayOfWrongToken(now: UInt64) -> UInt64 {
    Self.add(to: wrongTokens)
    return delay.withLock { delay in
      let seconds = now > delay.since ? (now - delay.since) / 1_000_000_000 : 0
      let left = seconds < 64 ? delay.nanoseconds >> seconds : 0
      let next = min(
        max(left &* 2, SessionLimits.wrongTokenNanosecondsMin), SessionLimits.wrongTokenNanosecondsMax)
      delay = (next, now)
      return next
    }
  }
}
