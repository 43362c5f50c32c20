// The funnel: what becomes of each answer a call may give.

import ApusSystem
import Glibc
import Testing

@Suite("The funnel")
struct KernelTests {
  @Test("makes an interrupted call again")
  func interrupted() throws {
    var answers: [Int64] = [-4, -4, 7]
    #expect(try Kernel.ask("read", on: "a", { answers.removeFirst() }) == .done(7))
    #expect(answers.isEmpty)
  }

  @Test("makes a call again that a real signal interrupted")
  func signal() throws {
    let pair = try Pair()
    let descriptor = pair.reading
    let writing = OwnedDescriptor(pair.writing)

    // A handler that does nothing, and does not ask for calls to be restarted.
    var action = sigaction()
    unsafe action.__sigaction_handler.sa_handler = { _ in }
    #expect(unsafe sigaction(SIGUSR1, &action, nil) == 0)

    let attempts = Monitor(0)
    let reader = Monitor<pthread_t?>(nil)
    let result = Monitor<CallResult?>(nil)
    try withThread("reader") {
      // Tests run on threads that block every signal, and their children do so too.
      var wanted = sigset_t()
      _ = unsafe sigemptyset(&wanted)
      _ = unsafe sigaddset(&wanted, SIGUSR1)
      _ = unsafe pthread_sigmask(SIG_UNBLOCK, &wanted, nil)
      reader.withLock { $0 = pthread_self() }
      reader.notifyAll()
      let answer = try? Kernel.ask("read", on: "a pair") {
        attempts.withLock { $0 += 1 }
        attempts.notifyAll()
        var byte: UInt8 = 0
        let count = unsafe read(descriptor, &byte, 1)
        return count < 0 ? -Int64(Glibc.errno) : Int64(count)
      }
      result.withLock { $0 = answer }
    } while: {
      #expect(reader.wait(for: 10_000_000_000) { $0 != nil })
      let thread = try #require(reader.withLock { $0 })
      // One signal may come before the read does, so signals go on until it was interrupted twice.
      while !attempts.wait(for: 1_000_000, until: { $0 >= 3 }) { #expect(pthread_kill(thread, SIGUSR1) == 0) }
      #expect(unsafe write(writing.raw, "x", 1) == 1)
    }
    #expect(result.withLock { $0 } == .done(1))
    try writing.close()
  }

  @Test("gives back would-block as a value where it is one, and throws it where it is not")
  func wouldBlock() throws {
    #expect(try Kernel.ask("read", on: "a") { -Int64(EAGAIN) } == .wouldBlock)
    #expect(throws: SystemError("read", .wouldBlock, on: "a")) { try Kernel.call("read", on: "a") { -11 } }
  }

  @Test("throws what a correct program can meet, with the call and its subject")
  func thrown() {
    let error = #expect(throws: SystemError.self) {
      try Kernel.call("pwrite", on: "/data/1") { -Int64(ENOSPC) }
    }
    #expect(error?.description == "pwrite /data/1: ENOSPC (no space left on device)")
  }

  @Test("does not make an interrupted close again")
  func closeOnce() throws {
    var times = 0
    try Kernel.callOnce("close", on: "a") {
      times += 1
      return -Int64(EINTR)
    }
    #expect(times == 1)
    #expect(throws: SystemError("close", .inputOutput, on: "a")) {
      try Kernel.callOnce("close", on: "a") { -5 }
    }
  }

  @Test("traps on a closed descriptor, naming the call")
  func badDescriptor() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try Kernel.call("pwrite", on: "a") { -Int64(EBADF) }
    }
    #expect(end.said("a bug in this program: pwrite: EBADF (bad file descriptor)"))
  }

  @Test("traps on a pointer to nowhere")
  func badAddress() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try Kernel.call("pread", on: "a") { -Int64(EFAULT) }
    }
    #expect(end.said("a bug in this program: pread: EFAULT"))
  }
}

extension Optional where Wrapped == ExitTest.Result {
  /// Whether the process said this last; a trap says why, a thrown error does not.
  func said(_ text: String) -> Bool {
    guard let self else { return false }
    return String(decoding: self.standardErrorContent, as: UTF8.self).contains(text)
  }
}
