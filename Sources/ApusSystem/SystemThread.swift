// A named thread of the kernel. It is joined once, or left to end by itself when nobody holds it any more.

import CLinux

package final class SystemThread: Sendable {
  /// As /proc shows it: the kernel keeps 15 bytes.
  package static let nameLengthMax = 15

  // Nil once joined.
  private let thread: Monitor<linux_thread?>

  private init(_ thread: linux_thread) { self.thread = Monitor(thread) }

  deinit {
    thread.withLock { thread in
      if let thread { Kernel.must("pthread_detach", linux_thread_detach(thread)) }
    }
  }

  package static func start(
    name: String, _ body: @escaping @Sendable () -> Void
  ) throws(SystemError) -> SystemThread {
    let life = unsafe Unmanaged.passRetained(Life(name: shortened(name), body: body))
    var thread = linux_thread()
    do {
      try Kernel.call("pthread_create", on: name) {
        unsafe linux_thread_start(
          &thread,
          { context in
            guard let context = unsafe context else { Kernel.trap("a thread started without its body") }
            unsafe Unmanaged<Life>.fromOpaque(context).takeRetainedValue().run()
            return nil
          }, life.toOpaque())
      }
    } catch {
      unsafe life.release()
      throw error
    }
    return SystemThread(thread)
  }

  /// A number that no other thread has while this one lives.
  package static var currentNumber: UInt64 { linux_thread_number_self() }

  /// From here on others go first where there is not a core for each: this thread and those that it starts are for work that nobody waits for.
  package static func yieldToOthers() {
    // One that goes on at its own pace does its work as well.
    _ = linux_thread_yield_to_others()
  }

  /// Waits for the thread to end. To be called once, by another thread.
  package func join() {
    let mine = thread.withLock { thread in
      defer { thread = nil }
      return thread
    }
    guard let mine else { Kernel.trap("a thread is joined twice") }
    Kernel.must("pthread_join", linux_thread_join(mine))
  }

  /// At most 15 bytes, cut between characters.
  private static func shortened(_ name: String) -> String {
    var short = name
    while short.utf8.count > nameLengthMax { short.removeLast() }
    return short
  }

  private final class Life: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }

    func run() {
      // A thread whose name could not be set works as well.
      _ = unsafe linux_thread_name_self(name)
      body()
    }
  }
}
