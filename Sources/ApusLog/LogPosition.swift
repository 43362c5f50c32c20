import ApusBytes

/// Where a frame lies: which segment, and at which byte.
package struct LogPosition: Hashable, Sendable, CustomStringConvertible {
  package let segment: FileID
  package let offset: UInt64

  package init(segment: FileID, offset: UInt64) {
    self.segment = segment
    self.offset = offset
  }

  package var description: String { "segment \(segment) byte \(offset)" }
}

/// The number of a file, unique in its store and never used again.
package struct FileID: RawRepresentable, Comparable, Hashable, Sendable, CustomStringConvertible {
  package let rawValue: UInt64
  /// No file has it.
  package static let none = FileID(0)
  package init(rawValue: UInt64) { self.rawValue = rawValue }
  package init(_ rawValue: UInt64) { self.rawValue = rawValue }
  package static func < (a: FileID, b: FileID) -> Bool { a.rawValue < b.rawValue }
  package var next: FileID { FileID(rawValue + 1) }
  package var description: String { String(rawValue) }
}
