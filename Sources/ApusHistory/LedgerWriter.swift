// Writes a ledger into an empty file, from its first byte to its last; whoever has the file syncs and names it. Letters go out
// as they come; frames, a few bytes each, wait in memory until the letters are done. LSNs ascend, in frames and in letters.

package import ApusBytes
package import ApusSystem

package struct LedgerWriter: ~Copyable {
  private let file: any DiskFile
  private let path: String
  private let id: HistoryFileID
  private let lsns: LSNRange
  private var compressor: ZstdCompressor
  private var sha = SHA256()
  private var size: UInt64 = 0
  /// What is being written: a header, or a section.
  private var out = ByteWriter()

  private var letters = Section()
  private var frames = Section()
  /// Sections of frames that are full.
  private var waiting: [Packed] = []
  private var lastLetter = LSN.none
  private var frameEnd: LSN
  private var letterCount: UInt64 = 0
  private var frameCount: UInt64 = 0

  /// The bytes of one section's entries, so far.
  private struct Section: ~Copyable {
    var raw = ByteWriter()
    var entries: UInt32 = 0
    /// Of the frame before, in this section.
    var lastNanoseconds: Int64 = 0
    var end: LSN = .none
  }

  private struct Packed {
    var entries: UInt32
    var rawByteCount: Int
    var body: [UInt8]
  }

  /// Begins a ledger: writes its header.
  package static func begin(
    _ file: any DiskFile, _ id: HistoryFileID, lsns: LSNRange
  ) throws(HistoryError) -> LedgerWriter {
    precondition(!lsns.isEmpty && lsns.first > .none, "a ledger speaks for at least one LSN")
    var writer = LedgerWriter(file, id, lsns, try makeCompressor(file.path))
    try writer.putHeader()
    return writer
  }

  private mutating func putHeader() throws(HistoryError) {
    out.write(utf8: LedgerFormat.magic)
    out.write(LedgerFormat.version)
    out.write(0 as UInt32)
    out.write(id.store)
    out.write(id.file)
    out.write(lsns.first.rawValue)
    out.write(lsns.last.rawValue)
    out.write(CRC32C.extend(id.seed(at: 0), out.bytes))
    out.write(0 as UInt32)
    try put()
  }

  private init(
    _ file: any DiskFile, _ id: HistoryFileID, _ lsns: LSNRange, _ compressor: consuming ZstdCompressor
  ) {
    self.file = file
    path = file.path
    self.id = id
    self.lsns = lsns
    self.compressor = compressor
    frameEnd = lsns.first.previous
  }

  /// A frame of records, behind all that were given.
  package mutating func frame(_ lsns: LSNRange, appendNanoseconds: Int64) throws(HistoryError) {
    precondition(
      !lsns.isEmpty && lsns.first > frameEnd && lsns.last <= self.lsns.last,
      "frames ascend inside of the ledger's range")
    if frames.entries == 0 { frames.end = self.lsns.first.previous }
    frames.raw.writeVarint(lsns.first.rawValue - frames.end.rawValue - 1)
    frames.raw.writeVarint(lsns.count)
    // Any two moments have a difference of 64 bits that leads from one to the other.
    frames.raw.writeSignedVarint(appendNanoseconds &- frames.lastNanoseconds)
    frames.entries += 1
    frames.end = lsns.last
    frames.lastNanoseconds = appendNanoseconds
    frameEnd = lsns.last
    frameCount += 1
    if frames.raw.count >= LedgerFormat.sectionCutByteCount { try packFrames() }
  }

  /// A letter that waits, behind all that were given: the body of its record.
  package mutating func letter(
    _ lsn: LSN, appendNanoseconds: Int64, body: RawSpan
  ) throws(HistoryError) {
    precondition(lsn > lastLetter && lsns.contains(lsn), "letters ascend inside of the ledger's range")
    letters.raw.write(lsn.rawValue)
    letters.raw.write(appendNanoseconds)
    letters.raw.writeVarint(UInt64(body.byteCount))
    letters.raw.write(body)
    letters.entries += 1
    lastLetter = lsn
    letterCount += 1
    if letters.raw.count >= LedgerFormat.sectionCutByteCount { try putLetters() }
  }

  /// Writes what is left, and the store's note as of the range's last LSN. Nothing is synced.
  package consuming func finish(note: RawSpan) throws(HistoryError) -> LedgerAttributes {
    if letters.entries > 0 { try putLetters() }
    if frames.entries > 0 { try packFrames() }
    for section in waiting { try put(.frames, section) }
    let packed = Packed(
      entries: 1, rawByteCount: note.byteCount, body: try Self.compressed(note, &compressor, path))
    try put(.note, packed)
    return LedgerAttributes(
      last: lsns.last, size: size, digest: sha.digest, frames: frameCount, letters: letterCount)
  }

  private mutating func putLetters() throws(HistoryError) {
    let packed = Packed(
      entries: letters.entries, rawByteCount: letters.raw.count,
      body: try Self.compressed(&letters.raw, &compressor, path))
    letters = Section()
    try put(.letters, packed)
  }

  private mutating func packFrames() throws(HistoryError) {
    waiting.append(
      Packed(
        entries: frames.entries, rawByteCount: frames.raw.count,
        body: try Self.compressed(&frames.raw, &compressor, path)))
    frames = Section()
  }

  private static func makeCompressor(_ path: String) throws(HistoryError) -> ZstdCompressor {
    do throws(BytesError) { return try ZstdCompressor() } catch { throw .limit(path: path, "\(error)") }
  }

  private static func compressed(
    _ raw: inout ByteWriter, _ compressor: inout ZstdCompressor, _ path: String
  ) throws(HistoryError) -> [UInt8] {
    try compressed(raw.bytes, &compressor, path)
  }

  private static func compressed(
    _ raw: RawSpan, _ compressor: inout ZstdCompressor, _ path: String
  ) throws(HistoryError) -> [UInt8] {
    guard raw.byteCount <= LedgerFormat.sectionRawByteCountMax else {
      throw .limit(path: path, "a section of \(raw.byteCount) bytes")
    }
    do throws(BytesError) { return try compressor.compress(raw) } catch {
      throw .limit(path: path, "\(error)")
    }
  }

  private mutating func put(_ tag: LedgerSectionTag, _ section: Packed) throws(HistoryError) {
    out.write(tag.rawValue)
    out.write(section.entries)
    out.write(UInt64(section.body.count))
    out.write(UInt64(section.rawByteCount))
    let head = CRC32C.extend(id.seed(at: size), out.bytes)
    out.write(CRC32C.extend(head, unsafe section.body.span.bytes))
    out.write(0 as UInt32)
    out.write(section.body)
    out.align(to: LedgerFormat.alignment)
    try put()
  }

  private mutating func put() throws(HistoryError) {
    try Self.put(&out, into: file, at: size, &sha)
    size += UInt64(out.count)
    out.removeAll()
  }

  private static func put(
    _ out: inout ByteWriter, into file: any DiskFile, at offset: UInt64, _ sha: inout SHA256
  ) throws(HistoryError) {
    do throws(SystemError) { try file.writeAll(out.bytes, at: offset) } catch { throw .system(error) }
    sha.update(out.bytes)
  }
}

/// What a section of a ledger holds. The raw value is what disks hold.
enum LedgerSectionTag: UInt32 {
  case letters = 2
  case frames = 4
  case note = 6
}
