// Threads for what would stall a loop: admitting many rows, walking a view, a console's verbs. A worker does its jobs one after
// another, in the order in which they came; so who gives all of his to one worker keeps their order.
//
// The queue holds at most so many jobs; who finds it full is told so, and answers OVERLOADED.

package import ApusSystem

package final class Worker: Sendable {
  package typealias Job = @Sendable () -> Void

  private struct Queue: Sendable {
    /// Those before `next` are done.
    var jobs: [Job] = []
    var next = 0
    var isClosing = false
    var isRunning = false

    var count: Int { jobs.count - next }

    mutating func take() -> Job? {
      guard next < jobs.count else { return nil }
      defer {
        next += 1
        if next == jobs.count {
          jobs.removeAll(keepingCapacity: true)
          next = 0
        }
      }
      return jobs[next]
    }
  }

  private let queue = Monitor(Queue())
  private let jobsMax: Int

  /// Starts the thread, which lives until `close`.
  package init(name: String, jobsMax: Int = SessionLimits.workerJobsMax) throws(SystemError) {
    self.jobsMax = jobsMax
    queue.withLock { $0.isRunning = true }
    let queue = queue
    _ = try SystemThread.start(name: name) { Self.run(queue) }
  }

  /// Leaves a job to be done; false when too many wait, or the end has come.
  package func submit(_ job: @escaping Job) -> Bool {
    let isTaken = queue.withLock { queue in
      guard !queue.isClosing, queue.count < jobsMax else { return false }
      queue.jobs.append(job)
      return true
    }
    if isTaken { queue.notifyAll() }
    return isTaken
  }

  /// Does what waits, and ends the thread. To be called by another thread, any number of times.
  package func close() {
    queue.withLock { $0.isClosing = true }
    queue.notifyAll()
    _ = queue.wait(for: nil) { !$0.isRunning }
  }

  private static func run(_ queue: Monitor<Queue>) {
    while true {
      var job: Job?
      _ = queue.wait(for: nil) { queue in
        job = queue.take()
        return job != nil || queue.isClosing
      }
      guard let job else { break }
      job()
    }
    queue.withLock { $0.isRunning = false }
    queue.notifyAll()
  }
}
