import ApusBytes
import ApusLog
import ApusStore
import ApusSystem
import ApusTestSupport
import Foundation

/// A store on the real disk, made by the log itself, for the program to look at and for tests to damage.
struct Store {
  private let parent: TemporaryFolder
  let path: String
  let clock = SimulatedClock()
  private let producers = Counter()

  private final class Counter {
    var next: UInt32 = 1
  }

  init(named name: String = "store") throws {
    parent = try TemporaryFolder("apus-cli")
    path = parent.path(name)
  }

  func open() throws -> Log {
    var random = SplitMix64(seed: 7)
    var options = LogOptions()
    options.segmentByteCount = 64 << 10
    options.ceilingStep = 1_000
    return try Log.open(path, on: RealDisk(), clock: clock, random: &random, options: options)
  }

  /// Opens the store and appends `frames` frames of two records each, durable one by one, with marks.
  @discardableResult
  func write(frames: Int, rotatingEvery interval: Int = .max) throws -> LogWriter {
    guard let writer = try open().writer else { throw CocoaError(.fileWriteNoPermission) }
    for frame in 0..<frames {
      if frame > 0, frame % interval == 0 { try writer.rotate() }
      clock.advance(nanoseconds: 1_000_000)
      var payload = ByteWriter()
      // Two records of 50 bytes, and a byte more for each frame: a producer's head takes 21.
      for length in [29, 29 + frame] {
        let letter = String(UnicodeScalar(UInt8(ascii: "a") + UInt8(frame % 26)))
        let number = "\(producers.next)-"
        payload.writeProducerOpened(
          ProducerOpening(producer: producers.next, epoch: 1, lastSequence: 0, sourceOffset: nil),
          name: number + String(repeating: letter, count: length - number.count))
        producers.next += 1
      }
      _ = try writer.append(recordCount: 2, payload: payload.bytes)
      try writer.sync()
    }
    return writer
  }

  /// Three finished segments: LSNs 1–6, 7–12 and 13–18.
  func writeThreeSegments() throws { try write(frames: 9, rotatingEvery: 3).close() }

  // MARK: Files

  func at(_ name: String) -> String { "\(path)/\(name)" }

  var segments: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: at("log")).sorted().map { "log/\($0)" } }
  }

  func bytes(of name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: at(name)))) }

  func write(_ bytes: [UInt8], to name: String) throws { try Data(bytes).write(to: URL(filePath: at(name))) }

  func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: at(name)) }

  func flip(_ name: String, at offset: Int) throws {
    var bytes = try bytes(of: name)
    bytes[offset] ^= 1
    try write(bytes, to: name)
  }

  /// Everything about every file that a program could have changed without being noticed otherwise.
  func everything() throws -> [String] {
    let names = try FileManager.default.subpathsOfDirectory(atPath: path).sorted()
    return try ([""] + names).map { name in
      let attributes = try FileManager.default.attributesOfItem(atPath: at(name))
      let isFolder = attributes[.type] as? FileAttributeType == .typeDirectory
      let content = isFolder ? 0 : try bytes(of: name).hashValue
      let time = attributes[.modificationDate] as? Date
      return "\(name) \(content) \(time?.timeIntervalSince1970 ?? 0) \(attributes[.posixPermissions] ?? 0)"
    }
  }
}
