// The files in which a system keeps its time zones (RFC 8536, "TZif"), versions 2 and later. Bytes that are none of them
// are told, and never taken for a zone.

package import ApusSystem

package enum ZoneError: Error, Equatable, Sendable {
  /// No such zone in the system's folder.
  case unknown(String)
  case unreadable(path: String, why: String)
  case system(SystemError)
}

package enum ZoneFileReader {
  package static let folder = "/usr/share/zoneinfo"
  static let byteCountMax = 1_048_576

  /// A zone by its name, such as `Europe/Berlin`.
  package static func zone(named name: String, in folder: String = folder) throws(ZoneError) -> Zone {
    guard isName(name) else { throw .unknown(name) }
    let path = "\(folder)/\(name)"
    let bytes: [UInt8]
    do throws(SystemError) {
      guard let entry = try RealDisk().entry(at: path), !entry.isFolder else {
        throw ZoneNotThere.error(path)
      }
      bytes = try contents(path)
    } catch {
      if error.errno == .noEntry { throw .unknown(name) }
      throw .system(error)
    }
    guard let table = table(bytes) else {
      throw .unreadable(path: path, why: "it is no file of a time zone that this program knows")
    }
    return .table(table)
  }

  private enum ZoneNotThere {
    static func error(_ path: String) -> SystemError { SystemError("open", .noEntry, on: path) }
  }

  /// Nothing that leads out of the folder.
  private static func isName(_ name: String) -> Bool {
    let parts = name.utf8.split(separator: 0x2F, omittingEmptySubsequences: false)
    return name.utf8.count <= 100
      && parts.allSatisfy { part in
        !part.isEmpty && part.first != 0x2E
          && part.allSatisfy {
            $0 >= 0x30 && $0 <= 0x39 || $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A || $0 == 0x5F || $0 == 0x2B
              || $0 == 0x2D
          }
      }
  }

  private static func contents(_ path: String) throws(SystemError) -> [UInt8] {
    let stream = try InputStream(path: path)
    var bytes = [UInt8](repeating: 0, count: byteCountMax)
    var length = 0
    while length < byteCountMax {
      var all = bytes.mutableSpan
      var memory = unsafe all.mutableBytes
      var rest = memory._mutatingExtracting(length...)
      let count = try stream.read(into: &rest)
      if count == 0 { break }
      length += count
    }
    return Array(bytes.prefix(length))
  }

  // MARK: Bytes

  private struct Counts {
    var universal: Int
    var standard: Int
    var leaps: Int
    var transitions: Int
    var types: Int
    var letters: Int

    /// Of the block behind the header; each count is below 2^32, so that no sum overflows.
    func byteCount(timeByteCount: Int) -> Int {
      transitions * (timeByteCount + 1) + types * 6 + letters + leaps * (timeByteCount + 4) + standard
        + universal
    }
  }

  private static let headerByteCount = 44

  private static func counts(_ bytes: [UInt8], at start: Int) -> Counts? {
    guard start + headerByteCount <= bytes.count,
      bytes[start..<start + 4].elementsEqual([0x54, 0x5A, 0x69, 0x66])
    else { return nil }
    func count(_ place: Int) -> Int { Int(truncatingIfNeeded: number(bytes, start + 20 + 4 * place, 4)) }
    return Counts(
      universal: count(0), standard: count(1), leaps: count(2), transitions: count(3), types: count(4),
      letters: count(5))
  }

  /// Big-endian; the bytes are there.
  private static func number(_ bytes: [UInt8], _ start: Int, _ count: Int) -> UInt64 {
    var value: UInt64 = 0
    for at in start..<start + count { value = value << 8 | UInt64(bytes[at]) }
    return value
  }

  /// Nil for bytes that are no zone.
  static func table(_ bytes: [UInt8]) -> ZoneTable? {
    guard let old = counts(bytes, at: 0), bytes[4] >= 0x32 else { return nil }
    let second = headerByteCount + old.byteCount(timeByteCount: 4)
    guard let counts = counts(bytes, at: second) else { return nil }
    // One that counts leap seconds means other moments than everybody else.
    guard counts.leaps == 0, counts.types > 0 else { return nil }
    let times = second + headerByteCount
    let end = times + counts.byteCount(timeByteCount: 8)
    guard end <= bytes.count else { return nil }
    let indexes = times + counts.transitions * 8
    let types = indexes + counts.transitions

    var kinds: [Int64] = []
    for type in 0..<counts.types {
      let offset = Int32(truncatingIfNeeded: number(bytes, types + 6 * type, 4))
      guard offset.magnitude <= 26 * 3_600 else { return nil }
      kinds.append(Int64(offset))  // widens Int32
    }
    var transitions: [Int64] = []
    var offsets: [Int64] = []
    for place in 0..<counts.transitions {
      let time = Int64(bitPattern: number(bytes, times + 8 * place, 8))
      let type = Int(bytes[indexes + place])  // widens UInt8
      guard type < kinds.count, transitions.last.map({ $0 < time }) ?? true else { return nil }
      transitions.append(time)
      offsets.append(kinds[type])
    }

    guard end < bytes.count, bytes[end] == 0x0A, let close = bytes[(end + 1)...].firstIndex(of: 0x0A) else {
      return nil
    }
    let footer = Array(bytes[(end + 1)..<close])
    let rule = footer.isEmpty ? nil : ZoneRule(footer)
    guard footer.isEmpty || rule != nil else { return nil }
    return ZoneTable(transitions: transitions, offsets: offsets, first: kinds[0], rule: rule)
  }
}
