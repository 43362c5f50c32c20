// The loops of a server, from the bind to the last byte. It listens when `start` returns; every thread of it has ended when `join` does.

package import ApusSystem

package final class Server: Sendable {
  /// Where it listens: with the ports that the kernel chose.
  package let addresses: [SocketAddress]
  private let seats: [LoopSeat]
  private let clock: any Clock
  private let threads: [SystemThread]
  private let failure: Failure

  /// How many loops, if nobody says. The store's own threads need room, too.
  package static let loopCountMax = 64

  /// - Parameter clock: of `now` and of every limit in time.
  package static func start(
    at addresses: [SocketAddress], loops: Int, limits: TransportLimits = TransportLimits(),
    service: any ServerService, clock: any Clock = SystemClock()
  ) throws(SystemError) -> Server {
    precondition(loops >= 1 && loops <= loopCountMax, "a server has 1 to \(loopCountMax) loops")
    let acceptor = try Acceptor(addresses)
    let bound = acceptor.addresses
    let shared = try LoopsShared(loops: loops, connectionCountMax: limits.connectionCountMax)
    var seats: [LoopSeat] = []
    for index in 0..<loops {
      seats.append(
        try LoopSeat(
          index: index, limits: limits, service: service, clock: clock, shared: shared,
          acceptor: index == 0 ? acceptor : nil))
    }
    let failure = Failure()
    var threads: [SystemThread] = []
    do throws(SystemError) {
      for seat in seats {
        threads.append(try SystemThread.start(name: "apus-loop-\(seat.index)") { run(seat, shared, failure) })
      }
    } catch {
      for inbox in shared.inboxes { inbox.post(.stop(by: 0)) }
      for thread in threads { thread.join() }
      throw error
    }
    return Server(bound, seats, clock, threads, failure)
  }

  private init(
    _ addresses: [SocketAddress], _ seats: [LoopSeat], _ clock: any Clock, _ threads: [SystemThread],
    _ failure: Failure
  ) {
    self.addresses = addresses
    self.seats = seats
    self.clock = clock
    self.threads = threads
    self.failure = failure
  }

  /// Takes no further connection and no further work; ends every connection when what it asked for is answered and read, and all that
  /// are left when `drainNanoseconds` are over. May be called again, to shorten that time. Does not wait.
  package func stop(drainNanoseconds: UInt64) {
    let (moment, overflow) = clock.monotonic().nanoseconds.addingReportingOverflow(drainNanoseconds)
    for seat in seats { seat.inbox.post(.stop(by: overflow ? .max : moment)) }
  }

  /// Waits until everything has ended after a stop. Throws what the kernel refused the loops themselves; then they stopped by themselves.
  /// To be called once.
  package func join() throws(SystemError) {
    for thread in threads { thread.join() }
    if let error = failure.first.withLock({ $0 }) { throw error }
  }

  /// What each loop has done.
  package var counts: [LoopCounts] { seats.map(\.published) }

  /// What all have done together.
  package var sum: LoopCounts { counts.reduce(LoopCounts(), +) }

  /// Lets every loop look at the clock: for clocks that do not go by themselves.
  package func wakeAll() { for seat in seats { seat.inbox.bell.ring() } }

  private static func run(_ seat: LoopSeat, _ shared: LoopsShared, _ failure: Failure) {
    var loop: EventLoop?
    do throws(SystemError) {
      let made = try EventLoop(seat)
      loop = made
      try made.run()
    } catch {
      // Without one of its loops a server would be deaf to a part of its peers.
      failure.first.withLock { $0 = $0 ?? error }
      try? loop?.end()
      for inbox in shared.inboxes { inbox.post(.stop(by: 0)) }
    }
  }

  private final class Failure: Sendable {
    let first = Monitor<SystemError?>(nil)
  }
}
