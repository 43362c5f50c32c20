// Lines of keys from standard input, wherever that is: a server is given them as a file called `-`. They are read whole, so that all
// of an answer is of one LSN; more than that allows is refused, and a line that cannot be read is named by its number.

import ApusBytes
import ApusContracts
import ApusLog
import ApusSystem

enum EntityInput {
  /// What a server's answer to one question may be made of.
  static let entitiesMax = 10_000
  static let byteCountMax = 8 << 20
  static let name = "-"
  static let place = "standard input"

  /// The lines that say something, with their numbers.
  static func lines(_ source: Source) throws(Trouble) -> [(number: Int, words: EntityWords)] {
    let bytes: [UInt8]
    switch source {
    case .folder: bytes = try Self.bytes()
    case .open(_, let files): bytes = files.first { $0.name == name }?.bytes ?? []
    }
    var found: [(number: Int, words: EntityWords)] = []
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    for (at, line) in lines.enumerated() {
      var text = String(decoding: line, as: UTF8.self)
      while text.last?.isWhitespace == true { text.removeLast() }
      if text.isEmpty { continue }
      let place = "\(place), line \(at + 1)"
      guard found.count < entitiesMax else {
        throw Trouble(
          "too_long", "there are more than \(Numbers.count(entitiesMax, "line")) of keys", at: place,
          next: "ask for fewer at a time")
      }
      do throws(EntityWords.Fault) { found.append((at + 1, try EntityWords(line: text))) } catch {
        throw Trouble(
          "bad_key", error.what, at: place, next: "write one JSON object or NAME=VALUE,NAME=VALUE on a line")
      }
    }
    return found
  }

  /// All that comes in.
  static func bytes() throws(Trouble) -> [UInt8] {
    let stream = InputStream.standardInput()
    var bytes: [UInt8] = []
    var block = ByteBlock(byteCount: 64 << 10)
    while true {
      let count: Int
      do throws(SystemError) {
        var room = block.mutableBytes
        count = try stream.read(into: &room)
      } catch {
        throw Trouble(LogError.system(error), data: place)
      }
      if count == 0 { return bytes }
      bytes += block.bytes.extracting(..<count).copied()
      guard bytes.count <= byteCountMax else {
        throw Trouble(
          "too_long", "there are more than \(Numbers.count(byteCountMax, "byte")) of keys", at: place,
          next: "ask for fewer at a time")
      }
    }
  }
}
