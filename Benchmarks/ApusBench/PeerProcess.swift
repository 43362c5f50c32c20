// A server in a process of its own: started on the server's processor, ended with SIGTERM, its words kept in a file.

import CLoad
import Foundation

final class PeerProcess {
  let name: String
  private let process = Process()
  private let log: String

  /// Starts it, and waits until something listens at the address.
  init(
    _ bench: Bench, _ name: String, _ program: String, _ arguments: [String], at address: LoadAddress,
    environment: [String: String] = [:]
  ) throws {
    self.name = name
    log = bench.scratch.fresh() + ".log"
    guard FileManager.default.createFile(atPath: log, contents: nil),
      let words = FileHandle(forWritingAtPath: log)
    else { throw BenchError("\(log) cannot be made") }
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = words
    process.standardError = words
    do {
      // A child has the processor of whoever starts it.
      try Processors.pinServer()
      try process.run()
      try Processors.pinDriver()
    } catch {
      throw BenchError("\(program) cannot be started: \(error)")
    }
    try awaitListening(address)
  }

  deinit { stop() }

  private func awaitListening(_ address: LoadAddress) throws {
    for _ in 0..<1_500 {
      if (try? LoadConnection(address)) != nil, (try? LoadConnection(address, isUnix: true)) != nil { return }
      guard process.isRunning else { break }
      usleep(20_000)
    }
    let words = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
    throw BenchError("\(name) does not listen:\n\(words)")
  }

  var identifier: Int32 { process.processIdentifier }

  /// Seconds that all its threads have had of the processors, in the kernel too.
  func processorSeconds() throws -> Double {
    let nanoseconds = apus_load_processor_nanoseconds(identifier)
    guard nanoseconds > 0 else { throw BenchError("\(name): its processor time cannot be read") }
    return Double(nanoseconds) / 1e9
  }

  func stop() {
    guard process.isRunning else { return }
    process.terminate()
    process.waitUntilExit()
  }

  /// A program that was built beside this one.
  static func sibling(_ name: String) throws -> String {
    let path = Bundle.main.executableURL?.deletingLastPathComponent().appendingPathComponent(name).path
    guard let path, FileManager.default.isExecutableFile(atPath: path) else {
      throw BenchError("\(name) must be built beside ApusBench: `swift build -c release --product \(name)`")
    }
    return path
  }

  /// A program of the machine.
  static func installed(_ name: String) throws -> String {
    let folders = ((environmentPath ?? "") + ":/usr/sbin:/usr/bin").split(separator: ":")
    guard
      let path = folders.map({ "\($0)/\(name)" }).first(where: FileManager.default.isExecutableFile(atPath:))
    else { throw BenchError("\(name) is not installed: `make setup` installs Deploy/packages.txt") }
    return path
  }

  private static var environmentPath: String? { ProcessInfo.processInfo.environment["PATH"] }
}
