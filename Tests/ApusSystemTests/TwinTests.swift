// The simulated disk is believed because it cannot be told from the real one: the same random calls, the
// same answers, errors included.

import ApusSystem
import ApusTestSupport
import Testing

@Suite("The simulated disk")
struct TwinTests {
  @Test("answers random calls as the real disk does", arguments: 0..<100 as Range<UInt64>)
  func twins(_ seed: UInt64) throws {
    var real = Player(try Subject(.real))
    var simulated = Player(try Subject(.simulated))
    for step in 0..<80 {
      var random = SplitMix64(seed: seed &* 1_000 &+ UInt64(step))
      var same = random
      let answer = real.step(&random)
      #expect(simulated.step(&same) == answer, "seed \(seed), step \(step)")
    }
    #expect(simulated.everything() == real.everything(), "seed \(seed)")
  }
}

/// Makes random calls to a disk and writes down the answers, without what differs for good reason.
private struct Player {
  private let subject: Subject
  private var files: [any DiskFile] = []
  private static let names = ["a", "b", "c", "f", "f/a", "f/b", "g", "g/a", "f/g", "none/a", "a/b"]

  init(_ subject: Subject) { self.subject = subject }

  mutating func step(_ random: inout SplitMix64) -> String {
    let name = random.pick(Self.names)
    let other = random.pick(Self.names)
    let path = subject.path(name)
    let disk = subject.disk
    return answer(to: name) { () throws(SystemError) -> String in
      switch random.below(16) {
      case 0, 1, 2:
        files.append(try disk.open(path, .create))
        return "created"
      case 3:
        files.append(try disk.open(path, .readWrite))
        return "opened"
      case 4: try disk.makeFolder(path)
      case 5: try disk.remove(path)
      case 6: try disk.rename(path, to: subject.path(other))
      case 7: return "\(try disk.names(in: path))"
      case 8: return "\(try disk.entry(at: path) as Any)"
      case 9: try disk.syncFolder(path)
      default: return try useFile(&random)
      }
      return "done"
    }
  }

  private mutating func useFile(_ random: inout SplitMix64) throws(SystemError) -> String {
    guard !files.isEmpty else { return "no file" }
    let file = random.pick(files)
    let offset = random.below(3_000)
    switch random.below(9) {
    case 0: return "\(try file.read(random.below(2_000), at: UInt64(offset)))"
    case 1: try file.truncate(UInt64(offset))
    case 2: try file.allocate(UInt64(offset))
    case 3: try file.syncData()
    case 4: try file.dropCache()
    case 5: return "\(try file.size())"
    default: try file.writeAll(random.bytes(random.below(1_500)), at: UInt64(offset))
    }
    return "done"
  }

  private func answer(to name: String, _ body: () throws(SystemError) -> String) -> String {
    do {
      return "\(name): \(try body())"
    } catch {
      let subject = error.subject.split(separator: subject.folder).joined()
      return "\(name): \(error.call) \(subject) \(error.errno)"
    }
  }

  /// All names with all bytes, and what every open file reads.
  func everything() -> [String] {
    var lines = Self.names.map { name in
      let bytes = try? subject.bytes(of: name)
      let names = try? subject.disk.names(in: subject.path(name))
      return "\(name) \(bytes as Any) \(names as Any)"
    }
    for file in files { lines.append("\((try? file.readAll()) as Any)") }
    return lines
  }
}
