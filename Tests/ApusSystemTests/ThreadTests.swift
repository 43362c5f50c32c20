// Threads, the monitor between them, and what else a process asks the kernel for.

import ApusSystem
import ApusTestSupport
import Synchronization
import Testing

/// Runs `body` on a thread of its own while this one does something else, and waits for both.
func withThread(
  _ name: String, _ body: @escaping @Sendable () -> Void, while other: () throws -> Void = {}
) throws {
  let thread = try SystemThread.start(name: name, body)
  defer { thread.join() }
  try other()
}

@Suite("A thread")
struct ThreadTests {
  @Test(
    "shows its name, cut to 15 bytes between characters",
    arguments: [
      ("appender", "appender"), ("checkpoint-writer-1", "checkpoint-writ"), ("füüüüüüüü", "füüüüüüü"),
    ])
  func name(_ given: String, _ shown: String) throws {
    let name = Monitor("")
    try withThread(given) {
      let comm = try? RealDisk().open("/proc/thread-self/comm", .read).read(64, at: 0)
      name.withLock { $0 = String(decoding: comm ?? [], as: UTF8.self) }
    }
    #expect(name.withLock { $0 } == shown + "\n")
  }

  @Test("has run when it is joined")
  func join() throws {
    let sum = Monitor(0)
    let threads = try (1...8).map { number in
      try SystemThread.start(name: "adder") {
        for _ in 0..<10_000 { sum.withLock { $0 += number } }
      }
    }
    for thread in threads { thread.join() }
    #expect(sum.withLock { $0 } == 36 * 10_000)
  }

  @Test("that nobody joins runs all the same")
  func detached() throws {
    let done = Monitor(false)
    _ = try SystemThread.start(name: "loner") {
      done.withLock { $0 = true }
      done.notifyAll()
    }
    #expect(done.wait(for: 10_000_000_000) { $0 })
  }

  @Test("is joined once")
  func joinTwice() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let thread = try SystemThread.start(name: "twice") {}
      thread.join()
      thread.join()
    }
    #expect(end.said("a thread is joined twice"))
  }
}

@Suite("A monitor")
struct MonitorTests {
  @Test("does not wait for what is true already, and lets it be taken out")
  func already() {
    let monitor = Monitor([1, 2, 3])
    var taken: [Int] = []
    let found = monitor.wait(for: 0) { state in
      taken = state
      state = []
      return !taken.isEmpty
    }
    #expect(found)
    #expect(taken == [1, 2, 3])
    #expect(monitor.withLock { $0 } == [])
  }

  @Test("gives up when the time is over, and not before")
  func deadline() {
    let monitor = Monitor(0)
    let clock = SystemClock()
    let before = clock.monotonic()
    #expect(!monitor.wait(for: 30_000_000) { $0 > 0 })
    #expect(clock.monotonic().nanoseconds - before.nanoseconds >= 30_000_000)
    #expect(!monitor.wait(for: 0) { $0 > 0 })
  }

  @Test("wakes whoever waits, with or without a deadline", arguments: [nil, 60_000_000_000, UInt64.max])
  func wake(_ nanoseconds: UInt64?) throws {
    let mailbox = Monitor<[Int]>([])
    let replies = Monitor<[Int]>([])
    try withThread("appender") {
      var isOver = false
      while !isOver {
        var batch: [Int] = []
        _ = mailbox.wait(for: nanoseconds) { state in
          swap(&batch, &state)
          return !batch.isEmpty
        }
        isOver = batch.contains(-1)
        replies.withLock { $0 += batch }
        replies.notifyAll()
      }
    } while: {
      for number in 1...1_000 {
        mailbox.withLock { $0.append(number) }
        mailbox.notifyAll()
        if number % 10 == 0 { #expect(replies.wait(for: 10_000_000_000) { $0.count == number }) }
      }
      mailbox.withLock { $0.append(-1) }
      mailbox.notifyAll()
    }
    #expect(replies.withLock { $0 } == Array(1...1_000) + [-1])
  }

  @Test("passes on what its body throws, and is free afterwards")
  func throwing() {
    let monitor = Monitor(1)
    let error = SystemError("pwrite", .noSpace, on: "a")
    #expect(throws: error) { try monitor.withLock { _ throws(SystemError) in throw error } }
    #expect(monitor.withLock { $0 } == 1)
  }

  @Test("traps a thread that comes back for it, rather than leave it hanging")
  func reentry() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let monitor = Monitor(0)
      monitor.withLock { _ in monitor.withLock { $0 += 1 } }
    }
    #expect(end.said("pthread_mutex_lock: EDEADLK"))
  }
}

@Suite("The machine")
struct MachineTests {
  @Test("has a monotonic clock that does not go back, and a wall clock of this century")
  func clocks() {
    let clock = SystemClock()
    var last = clock.monotonic()
    for _ in 0..<1_000 {
      let now = clock.monotonic()
      #expect(now >= last)
      last = now
    }
    // 2026 to 2100.
    #expect((1_767_225_600...4_102_444_800).contains(clock.wall().nanoseconds / 1_000_000_000))
  }

  @Test("gives other random bytes every time, as many as wanted")
  func random() throws {
    #expect(try SystemRandom.bytes(16) != SystemRandom.bytes(16))
    #expect(try SystemRandom.bytes(0) == [])
    #expect(try SystemRandom.bytes(100_000).count == 100_000)
  }
}
