// Reads a ledger. A section's checksum, which knows its store, file and place, is compared before a byte of its body is looked at; what
// an entry says is compared with the range and with the entry before. Nothing traps, whatever the bytes, and nothing is allocated
// beyond what the file has or a section may hold.

package import ApusBytes
package import ApusSystem

package struct LedgerReader: Sendable {
  package let path: String
  package let lsns: LSNRange
  package let attributes: LedgerAttributes
  private let file: any DiskFile
  private let id: HistoryFileID
  let sections: [LedgerSection]

  /// Checks size and header, and finds the sections. `lsns` and the attributes are what the manifest says.
  package init(
    _ file: any DiskFile, _ id: HistoryFileID, first: LSN, _ attributes: LedgerAttributes
  ) throws(HistoryError) {
    path = file.path
    lsns = LSNRange(first, through: attributes.last)
    self.file = file
    self.id = id
    self.attributes = attributes
    let size = try file.checkedSize()
    guard size == attributes.size else {
      throw .damaged(path: path, at: min(size, attributes.size), "\(size) bytes, not \(attributes.size)")
    }
    try Self.checkHeader(file, id, lsns, size: size)
    sections = try Self.walk(file, id, size: size)
  }

  /// Lends every letter, in the order of LSNs, until `body` returns false: its LSN, the append time in nanoseconds, and the body
  /// of its record.
  package func forEachLetter(_ body: (LSN, Int64, RawSpan) -> Bool) throws(HistoryError) {
    var last = LSN.none
    for section in sections where section.tag == .letters {
      let raw = try raw(of: section)
      guard try LedgerEntries.letters(raw, section, lsns, path, after: &last, body) else { return }
    }
  }

  /// Every frame, in the order of LSNs, until `body` returns false: its LSNs and its append time in nanoseconds.
  package func forEachFrame(_ body: (LSNRange, Int64) -> Bool) throws(HistoryError) {
    var last = LSN.none
    for section in sections where section.tag == .frames {
      let raw = try raw(of: section)
      guard try LedgerEntries.frames(raw, section, lsns, path, after: &last, body) else { return }
    }
  }

  /// The store's note as of the last LSN.
  package func note() throws(HistoryError) -> [UInt8] {
    // There is exactly one, and it is the last section.
    guard let section = sections.last else { throw .damaged(path: path, at: 0, "it has no note") }
    return try raw(of: section)
  }

  /// Reads all of the file again, past the cache, and compares everything that can be compared.
  package func verify() throws(HistoryError) {
    try file.forgetCache()
    let size = try file.checkedSize()
    guard size == attributes.size else {
      throw .damaged(path: path, at: min(size, attributes.size), "\(size) bytes, not \(attributes.size)")
    }
    guard try file.digest(of: 0..<size, path: path) == attributes.digest else {
      throw .damaged(path: path, at: 0, "its digest is not the one in the manifest")
    }
    try Self.checkHeader(file, id, lsns, size: size)
    guard try Self.walk(file, id, size: size) == sections else {
      throw .damaged(path: path, at: 0, "its sections changed")
    }
    var letters: UInt64 = 0
    var frames: UInt64 = 0
    try forEachLetter { _, _, _ in
      letters &+= 1
      return true
    }
    try forEachFrame { _, _ in
      frames &+= 1
      return true
    }
    _ = try note()
    guard letters == attributes.letters, frames == attributes.frames else {
      throw .damaged(
        path: path, at: 0,
        "\(frames) frames and \(letters) letters, not \(attributes.frames) and \(attributes.letters)")
    }
  }

  // MARK: The file

  private static func checkHeader(
    _ file: any DiskFile, _ id: HistoryFileID, _ lsns: LSNRange, size: UInt64
  ) throws(HistoryError) {
    let path = file.path
    let block = try file.block(LedgerFormat.headerByteCount, at: 0, path: path)
    let covered = block.bytes.extracting(..<LedgerFormat.headerCRCAt)
    var reader = HistoryFieldReader(block.bytes, path: path, at: 0, "its header")
    let magic = try reader.span(LedgerFormat.magic.utf8.count).copied()
    guard magic == Array(LedgerFormat.magic.utf8) else { throw reader.fault("it is not that of a ledger") }
    let version: UInt32 = try reader.read()
    try reader.zero()
    let store = try reader.span(HistoryFileID.storeByteCount).copied()
    let fileID: UInt64 = try reader.read()
    let first: UInt64 = try reader.read()
    let last: UInt64 = try reader.read()
    guard try reader.read() == CRC32C.extend(id.seed(at: 0), covered) else {
      throw reader.fault("it does not match its checksum")
    }
    guard version == LedgerFormat.version else {
      throw .newer(path: path, "it is a ledger of version \(version)")
    }
    guard store == id.store, fileID == id.file, first == lsns.first.rawValue, last == lsns.last.rawValue
    else {
      throw reader.fault("it is that of another file")
    }
    try reader.zero()
    try reader.finish()
  }

  /// The sections by their heads. A head is believed only as far as it leads to another one: its checksum is compared when it is read.
  private static func walk(
    _ file: any DiskFile, _ id: HistoryFileID, size: UInt64
  ) throws(HistoryError) -> [LedgerSection] {
    let path = file.path
    let head = LedgerFormat.sectionHeaderByteCount
    var sections: [LedgerSection] = []
    var at = UInt64(LedgerFormat.headerByteCount)
    var lastTag: UInt32 = 0
    while at < size {
      guard size &- at >= UInt64(head) else { throw .damaged(path: path, at: at, "a section is cut") }
      let block = try file.block(head, at: at, path: path)
      let (section, next) = try LedgerSection.read(block.bytes, at: at, size: size, path: path)
      guard section.rawTag >= lastTag else {
        throw .damaged(path: path, at: at, "section \(section.rawTag) follows section \(lastTag)")
      }
      lastTag = section.rawTag
      if section.tag != nil {
        sections.append(section)
      } else {
        // Whether it is of a newer program or damaged, its checksum tells.
        _ = try section.body(file, id, path: path)
        guard section.rawTag % 2 == 1 else {
          throw .newer(path: path, "it has a section \(section.rawTag)")
        }
      }
      at = next
    }
    guard let note = sections.last, note.tag == .note, note.entries == 1,
      sections.filter({ $0.tag == .note }).count == 1
    else { throw .damaged(path: path, at: size, "it does not end in its only note") }
    return sections
  }

  func raw(of section: LedgerSection) throws(HistoryError) -> [UInt8] {
    let body = try section.body(file, id, path: path)
    let raw: [UInt8]
    do throws(BytesError) {
      var decompressor = try ZstdDecompressor()
      // Not above `sectionRawByteCountMax`: the head was checked.
      raw = try decompressor.decompress(unsafe body.span.bytes, atMost: Int(clamping: section.rawByteCount))
    } catch {
      throw .damaged(path: path, at: section.at, "\(error)")
    }
    guard UInt64(raw.count) == section.rawByteCount else {
      throw .damaged(
        path: path, at: section.at, "a section of \(raw.count) bytes says \(section.rawByteCount)")
    }
    return raw
  }
}
