// How tests look at an overlay: everything as arrays, because `#expect` takes neither spans nor noncopyable values.

import ApusBytes
import ApusStore

/// A version and where it was found.
struct Found: Equatable, CustomStringConvertible {
  let bytes: [UInt8]
  let first: UInt64

  var description: String { "\(bytes.count) bytes \(bytes.prefix(16)) in the generation from LSN \(first)" }
}

extension OverlayReader {
  /// What one read at `limit`, or at the visible LSN, finds of a key.
  mutating func found(_ key: [UInt8], through limit: LSN? = nil) -> [Found] {
    let view = enter()
    return view.found(key, through: limit)
  }

  /// The newest version of a key.
  mutating func newest(_ key: [UInt8]) -> [UInt8]? { found(key).first?.bytes }

  var visible: LSN {
    mutating get { enter().visible }
  }
}

extension OverlayView {
  func found(_ key: [UInt8], through limit: LSN? = nil) -> [Found] {
    var found: [Found] = []
    forEachGeneration(key: unsafe key.span.bytes, through: limit ?? visible) { version, range in
      found.append(Found(bytes: array(version), first: range.first.rawValue))
    }
    return found
  }
}

extension OverlayWriter {
  /// Makes these bytes the key's newest version.
  mutating func put(_ key: [UInt8], _ bytes: [UInt8], at lsn: UInt64) {
    apply(key: unsafe key.span.bytes, lsn: LSN(lsn)) { _, writer in
      writer.write(bytes)
      return .write
    }
  }

  /// Puts these bytes behind those that the key has.
  mutating func append(_ key: [UInt8], _ bytes: [UInt8], at lsn: UInt64) {
    apply(key: unsafe key.span.bytes, lsn: LSN(lsn)) { before, writer in
      if let before { writer.write(before) }
      writer.write(bytes)
      return .write
    }
  }

  mutating func publish(_ lsn: UInt64) { publish(visible: LSN(lsn)) }
}

extension FrozenGeneration {
  /// Keys, versions and LSNs in ascending order of keys.
  var contents: [(key: [UInt8], version: [UInt8], lsn: UInt64)] {
    let ascending = ascendingKeys()
    return (0..<ascending.count).map { place in
      (
        array(ascending.key(at: place)), array(ascending.version(at: place)),
        ascending.lsn(at: place).rawValue
      )
    }
  }
}

/// A copy; of no bytes, the empty literal. (An empty array made otherwise writes its count, 0, into the one that all
/// empty arrays share, which the thread sanitizer takes for a race.)
private func array(_ bytes: RawSpan) -> [UInt8] { bytes.isEmpty ? [] : bytes.copied() }

/// Text as a key.
func key(_ text: String) -> [UInt8] { Array(text.utf8) }

/// A number as a key of eight bytes, which sorts as the number does.
func key(_ number: Int) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) } }
