package import ApusBytes

/// Bytes of a file that must be valid and are not, and the records that are lost with them.
///
/// Damage is never cut out of its file: it is reported, kept out of every answer, and read around.
package struct Damage: Hashable, Sendable, CustomStringConvertible {
  package let file: FileID
  package let firstByte: UInt64
  /// The first byte behind the damage.
  package let endByte: UInt64
  /// The records that cannot be read; empty when only marks or a header are lost.
  package let lsns: LSNRange

  package init(file: FileID, firstByte: UInt64, endByte: UInt64, lsns: LSNRange) {
    self.file = file
    self.firstByte = firstByte
    self.endByte = endByte
    self.lsns = lsns
  }

  /// Records that the log must hold and that are in no file.
  package init(missing lsns: LSNRange) {
    self.init(file: .none, firstByte: 0, endByte: 0, lsns: lsns)
  }

  package var description: String { description(in: "file \(file)") }

  /// The damage in a file that the reader knows by this name.
  package func description(in name: String) -> String {
    if file == .none { return "no file holds \(lsns)" }
    let lost = lsns.isEmpty ? "no record is lost" : "\(lsns) cannot be read"
    return "\(name), bytes \(firstByte)..<\(endByte): \(lost)"
  }
}
