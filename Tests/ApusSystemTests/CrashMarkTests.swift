// Each test lets a process of its own die, and looks for the mark afterwards.

import ApusSystem
import ApusTestSupport
import Glibc
import Testing

/// A way to die, on the calling thread.
enum Death: Int, CaseIterable, Sendable {
  case segmentation, bus, trap, abortion, division

  var signal: CInt {
    switch self {
    case .segmentation: SIGSEGV
    case .bus: SIGBUS
    case .trap: trapSignal
    case .abortion: SIGABRT
    case .division: SIGFPE
    }
  }

  private var trapSignal: CInt {
    #if arch(x86_64)
      SIGILL
    #else
      SIGTRAP
    #endif
  }

  var name: String {
    switch signal {
    case SIGSEGV: "SIGSEGV"
    case SIGBUS: "SIGBUS"
    case SIGABRT: "SIGABRT"
    case SIGFPE: "SIGFPE"
    case SIGILL: "SIGILL"
    default: "SIGTRAP"
    }
  }

  /// `folder` takes a file that is too short for its mapping.
  func happen(in folder: String) {
    switch self {
    case .segmentation: unsafe UnsafeMutablePointer<UInt8>(bitPattern: 8)?.pointee = 1
    case .bus:
      let file = unsafe open(folder + "/empty", O_RDWR | O_CREAT, 0o600)
      let map = unsafe mmap(nil, 4_096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
      unsafe map?.storeBytes(of: 1, as: UInt8.self)
    case .trap: preconditionFailure("as a test wanted")
    case .abortion: abort()
    case .division:
      // A processor of ARM divides by zero in peace, and Swift does not let anybody try: the fault's signal is sent to this thread instead.
      _ = raise(SIGFPE)
    }
  }
}

@Suite("A crash mark")
struct CrashMarkTests {
  private let folder: TemporaryFolder
  private var path: String { folder.path }

  init() throws { folder = try TemporaryFolder("apus-crash") }

  private var mark: String? {
    guard let file = try? RealDisk().open(folder.path("MARK"), .read) else { return nil }
    defer { file.close() }
    return (try? file.readAll()).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test(
    "appears when a thread dies inside, and the process ends by that very signal", arguments: Death.allCases)
  func inside(_ death: Death) async throws {
    let number = death.rawValue
    await #expect(processExitsWith: .signal(death.signal)) {
      [path = path as String, number = number as Int] in
      let mark = try CrashMark(file: path + "/MARK")
      mark.region.inside { Death(rawValue: number)?.happen(in: path) }
    }
    #expect(mark == "a process died of \(death.name) inside\n")
  }

  @Test(
    "does not appear when a thread dies outside, before or after it was inside",
    arguments: Death.allCases)
  func outside(_ death: Death) async throws {
    let number = death.rawValue
    for isAfter in [false, true] {
      await #expect(processExitsWith: .signal(death.signal)) {
        [path = path as String, number = number as Int, isAfter = isAfter as Bool] in
        let mark = try CrashMark(file: path + "/MARK")
        if isAfter { mark.region.inside {} }
        Death(rawValue: number)?.happen(in: path)
      }
      #expect(mark == nil)
    }
  }

  @Test("does not appear when another thread dies while one is inside")
  func otherThread() async throws {
    await #expect(processExitsWith: .signal(SIGSEGV)) { [path = path as String] in
      let mark = try CrashMark(file: path + "/MARK")
      let region = mark.region
      let isInside = Monitor(false)
      let thread = try SystemThread.start(name: "inside") {
        region.inside {
          isInside.withLock { $0 = true }
          isInside.notifyAll()
          _ = isInside.wait(for: nil) { !$0 }
        }
      }
      _ = isInside.wait(for: nil) { $0 }
      Death.segmentation.happen(in: path)
      thread.join()
    }
    #expect(mark == nil)
  }

  @Test("does not appear when the process is killed inside, nor when somebody else sends what a fault would")
  func somebodyElse() async throws {
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
      let mark = try CrashMark(file: path + "/MARK")
      mark.region.inside { _ = Glibc.kill(getpid(), SIGKILL) }
    }
    #expect(mark == nil)
    await #expect(processExitsWith: .signal(SIGSEGV)) { [path = path as String] in
      let mark = try CrashMark(file: path + "/MARK")
      // "42/task/43": the kernel gives a signal to the thread whose number was named, if that thread takes it.
      var link = [CChar](repeating: 0, count: 64)
      let count = unsafe readlink("/proc/thread-self", &link, 64)
      let name = String(decoding: link.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let thread = String(name.split(separator: "/").last ?? "")
      try mark.region.inside {
        try Child("/bin/sh", "-c", "kill -SEGV \(thread)").exitCode()
        while true { pause() }
      }
    }
    #expect(mark == nil)
  }

  @Test("is of the region that was entered last, and of the one before when that was left")
  func nested() async throws {
    for depth in 0..<3 {
      let temporary = try TemporaryFolder("apus-crash")
      await #expect(processExitsWith: .signal(SIGABRT)) {
        [path = temporary.path as String, depth = depth as Int] in
        let outer = try CrashMark(file: path + "/OUTER")
        let inner = try CrashMark(file: path + "/INNER")
        outer.region.inside {
          if depth == 0 { abort() }
          inner.region.inside { if depth == 1 { abort() } }
          abort()
        }
      }
      #expect(try RealDisk().names(in: temporary.path) == [depth == 1 ? "INNER" : "OUTER"])
    }
  }

  @Test("leaves the last word to whoever handled the signal before")
  func chained() async throws {
    for death in [Death.segmentation, .abortion, .trap] {
      let (number, signal) = (death.rawValue, death.signal)
      await #expect(processExitsWith: .exitCode(7)) {
        [path = path as String, number = number as Int, signal = signal as Int32] in
        _ = Glibc.signal(signal) { _ in _exit(7) }
        let mark = try CrashMark(file: path + "/MARK")
        mark.region.inside { Death(rawValue: number)?.happen(in: path) }
      }
      #expect(mark == "a process died of \(death.name) inside\n")
      try RealDisk().remove(folder.path("MARK"))
    }
  }

  @Test("that somebody made before keeps its words")
  func there() async throws {
    await #expect(processExitsWith: .signal(SIGSEGV)) { [path = path as String] in
      let mark = try CrashMark(file: path + "/MARK")
      let file = try RealDisk().open(path + "/MARK", .create)
      try file.writeAll(unsafe Array("before".utf8).span.bytes, at: 0)
      mark.region.inside { Death.segmentation.happen(in: path) }
    }
    #expect(mark == "before")
  }

  @Test("gives its place back when it is let go of; too many at a time, and too long a name, are refused")
  func slots() async throws {
    await #expect(processExitsWith: .success) { [path = path as String] in
      for _ in 0..<1_000 { _ = try CrashMark(file: path + "/MARK") }
      func armed(_ count: Int) throws {
        if count == 0 { return }
        let mark = try CrashMark(file: path + "/MARK")
        try armed(count - 1)
        mark.region.inside {}
      }
      try armed(64)
      do {
        try armed(65)
        _exit(1)
      } catch let error as SystemError { if error.errno != .tooManyOpenFiles { _exit(2) } }
      try armed(64)
      do {
        try { _ = try CrashMark(file: path + "/" + String(repeating: "a/", count: 3_000)) }()
        _exit(3)
      } catch let error as SystemError { if error.errno.rawValue != ENAMETOOLONG { _exit(4) } }
    }
    #expect(mark == nil)
  }

  @Test("does not appear in the place of one that was let go of")
  func disarmed() async throws {
    await #expect(processExitsWith: .signal(SIGSEGV)) { [path = path as String] in
      let region = try { try CrashMark(file: path + "/MARK").region }()
      region.inside { Death.segmentation.happen(in: path) }
    }
    #expect(mark == nil)
  }
}
