// Threads that share one piece of work out among themselves, part by part. Whoever has the work does parts of it too, and goes on when all are done: with
// no other threads it does them all. Which thread does which part, nobody can see in what comes of it.

/// Used by one thread at a time.
package final class Crew: Sendable {
  private let desk: Monitor<Desk>
  private let threads: [SystemThread]

  private struct Desk: Sendable {
    var body: (@Sendable (Int) -> Void)?
    var count = 0
    /// The first part that nobody has taken.
    var next = 0
    /// Parts that are not done.
    var left = 0
    var isOver = false

    mutating func take() -> (@Sendable (Int) -> Void, Int)? {
      guard let body, next < count else { return nil }
      defer { next += 1 }
      return (body, next)
    }
  }

  /// The caller's own among them.
  package var threadCount: Int { threads.count + 1 }

  /// `count` threads, the caller's own among them; fewer if no more can be started.
  package init(_ count: Int, name: String) {
    let desk = Monitor(Desk())
    self.desk = desk
    var threads: [SystemThread] = []
    for number in 1..<max(1, count) {
      guard let thread = try? SystemThread.start(name: "\(name)-\(number)", { Self.work(desk) }) else {
        break
      }
      threads.append(thread)
    }
    self.threads = threads
  }

  deinit {
    desk.withLock { $0.isOver = true }
    desk.notifyAll()
    for thread in threads { thread.join() }
  }

  /// Does all parts, 0 to `count` − 1, in any order, some of them at once.
  package func forEach(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    if threads.isEmpty || count < 2 {
      for part in 0..<count { body(part) }
      return
    }
    desk.withLock { desk in
      precondition(desk.left == 0, "a crew does one piece of work at a time")
      (desk.body, desk.count, desk.next, desk.left) = (body, count, 0, count)
    }
    desk.notifyAll()
    while let (body, part) = desk.withLock({ $0.take() }) {
      body(part)
      Self.end(desk)
    }
    _ = desk.wait(for: nil) { $0.left == 0 }
    desk.withLock { $0.body = nil }
  }

  /// What each part comes to, in their order; of what went wrong the first part's error.
  package func map<Result: Sendable, Failure: Error>(
    _ count: Int, _ body: @escaping @Sendable (Int) throws(Failure) -> Result
  ) throws(Failure) -> [Result] {
    let ends = Monitor([Swift.Result<Result, Failure>?](repeating: nil, count: count))
    forEach(count) { part in
      let end: Swift.Result<Result, Failure>
      do throws(Failure) { end = .success(try body(part)) } catch { end = .failure(error) }
      ends.withLock { $0[part] = end }
    }
    var results: [Result] = []
    results.reserveCapacity(count)
    for end in ends.withLock({ $0 }) {
      guard let end else { preconditionFailure("a crew does every part") }
      results.append(try end.get())
    }
    return results
  }

  private static func work(_ desk: Monitor<Desk>) {
    while true {
      var taken: (@Sendable (Int) -> Void, Int)?
      _ = desk.wait(for: nil) { desk in
        if desk.isOver { return true }
        taken = desk.take()
        return taken != nil
      }
      guard let (body, part) = taken else { return }
      body(part)
      end(desk)
    }
  }

  /// Says that a part is done.
  private static func end(_ desk: Monitor<Desk>) {
    let isLast = desk.withLock { desk in
      desk.left -= 1
      return desk.left == 0
    }
    if isLast { desk.notifyAll() }
  }
}
