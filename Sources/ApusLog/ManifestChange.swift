package import ApusBytes
package import ApusSystem

/// What a file that the manifest lists is. The manifest lists files of any kind and opens none.
package struct FileKind: RawRepresentable, Hashable, Sendable {
  package let rawValue: UInt64
  package init(rawValue: UInt64) { self.rawValue = rawValue }
  package static let segment = FileKind(rawValue: 1)
  /// Events of one view version. Its attributes begin with 4 bytes version, 4 bytes view version, 8 bytes last LSN.
  package static let run = FileKind(rawValue: 2)
  /// What else a range of the log held. Its attributes begin with 4 bytes version, 4 zeroes, 8 bytes last LSN.
  package static let ledger = FileKind(rawValue: 3)
}

/// A file that belongs to the store.
package struct FileRecord: Equatable, Sendable {
  package var kind: FileKind
  package var id: FileID
  /// Relative to the store's folder.
  package var name: String
  package var first: LSN
  package var epoch: UInt32
  package var headerCRC: UInt32
  /// For the room that owns the kind; empty for segments.
  package var attributes: [UInt8]
  /// Of a finished segment.
  package var seal: FileSeal?

  package init(
    kind: FileKind, id: FileID, name: String, first: LSN, epoch: UInt32, headerCRC: UInt32,
    attributes: [UInt8] = []
  ) {
    self.kind = kind
    self.id = id
    self.name = name
    self.first = first
    self.epoch = epoch
    self.headerCRC = headerCRC
    self.attributes = attributes
  }

  /// What a run's or a ledger's attributes begin with: the view version, 0 for a ledger, and the LSNs that it speaks for. Nil when they
  /// are too short.
  package var covered: (view: UInt32, lsns: LSNRange)? {
    guard attributes.count >= 16 else { return nil }
    func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    let last = LSN(min(number(attributes[8..<16]), 1 << 62))
    return (UInt32(truncatingIfNeeded: number(attributes[4..<8])), LSNRange(first, through: last))
  }

  /// Whether the name stays within the store's folder: files that a manifest removed are unlinked by it.
  var liesInside: Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    return !name.utf8.contains(0) && !parts.contains { $0 == "" || $0 == "." || $0 == ".." }
  }
}

/// What the manifest keeps of a finished segment.
package struct FileSeal: Equatable, Sendable {
  package var byteCount: UInt64
  package var last: LSN
  package var digest: UInt64
  package var firstTime: WallTime
  package var lastTime: WallTime
  package var frames: UInt64

  package init(_ seal: Seal) {
    byteCount = seal.byteCount
    last = seal.last
    digest = seal.digest
    firstTime = seal.firstTime
    lastTime = seal.lastTime
    frames = seal.frames
  }

  init(
    byteCount: UInt64, last: LSN, digest: UInt64, firstTime: WallTime, lastTime: WallTime, frames: UInt64
  ) {
    self.byteCount = byteCount
    self.last = last
    self.digest = digest
    self.firstTime = firstTime
    self.lastTime = lastTime
    self.frames = frames
  }
}

/// One change of the manifest's state. An edit is a list of them, applied all or none.
package enum ManifestChange: Equatable, Sendable {
  case epoch(UInt32)
  case ceiling(LSN)
  case floor(LSN)
  case nextFile(FileID)
  case add(FileRecord)
  case seal(FileID, FileSeal)
  case remove(FileID)
  case forget(FileID)
  case gap(LSNRange)
  case damage(Damage)
  case appendTime(WallTime)
  case accepted(AcceptedLoss)
  case fork(Fork)
  /// Ids from the first up to, and without, the second.
  case reserve(FileID, FileID)
  /// Lost records, of which the newest rows lack nothing: what they had won was written again before.
  case held(LSNRange)
  case givenUp(GivenUp)
  case erased(KeptErasure)
  /// From this LSN on every erasure of the log is here, too.
  case erasuresKept(LSN)
}

extension ManifestChange {
  private enum Tag: UInt16 {
    case epoch = 1
    case ceiling, floor, nextFile, add, seal, remove, forget, gap, damage, appendTime, accepted, fork,
      reserve,
      held, givenUp, erased, erasuresKept
  }

  private var tag: Tag {
    switch self {
    case .epoch: .epoch
    case .ceiling: .ceiling
    case .floor: .floor
    case .nextFile: .nextFile
    case .add: .add
    case .seal: .seal
    case .remove: .remove
    case .forget: .forget
    case .gap: .gap
    case .damage: .damage
    case .appendTime: .appendTime
    case .accepted: .accepted
    case .fork: .fork
    case .reserve: .reserve
    case .held: .held
    case .givenUp: .givenUp
    case .erased: .erased
    case .erasuresKept: .erasuresKept
    }
  }

  static func encode(_ changes: [ManifestChange], into writer: inout ByteWriter) {
    for change in changes {
      let start = writer.count
      writer.write(change.tag.rawValue)
      writer.write(UInt16(0))
      writer.write(UInt32(0))
      change.encodeFields(into: &writer)
      writer.overwrite(UInt32(writer.count - start - Format.alignment), at: start + 4)
      writer.align(to: Format.alignment)
    }
  }

  private func encodeFields(into writer: inout ByteWriter) {
    switch self {
    case .epoch(let epoch): writer.write(UInt64(epoch))
    case .ceiling(let lsn), .floor(let lsn), .erasuresKept(let lsn): writer.write(lsn.rawValue)
    case .nextFile(let id), .remove(let id), .forget(let id): writer.write(id.rawValue)
    case .add(let file):
      writer.write(file.kind.rawValue)
      writer.write(file.id.rawValue)
      writer.write(file.first.rawValue)
      writer.write(UInt64(file.epoch))
      writer.write(UInt64(file.headerCRC))
      writer.write(UInt64(file.name.utf8.count))
      writer.write(UInt64(file.attributes.count))
      writer.write(utf8: file.name)
      writer.write(file.attributes)
    case .seal(let id, let seal):
      writer.write(id.rawValue)
      writer.write(seal.byteCount)
      writer.write(seal.last.rawValue)
      writer.write(seal.digest)
      writer.write(seal.firstTime.nanoseconds)
      writer.write(seal.lastTime.nanoseconds)
      writer.write(seal.frames)
    case .gap(let lsns), .held(let lsns):
      writer.write(lsns.first.rawValue)
      writer.write(lsns.last.rawValue)
    case .damage(let damage):
      writer.write(damage.file.rawValue)
      writer.write(damage.firstByte)
      writer.write(damage.endByte)
      writer.write(damage.lsns.first.rawValue)
      writer.write(damage.lsns.last.rawValue)
    case .appendTime(let time): writer.write(time.nanoseconds)
    case .accepted(let loss):
      writer.write(loss.lsns.first.rawValue)
      writer.write(loss.lsns.last.rawValue)
      writer.write(loss.time.nanoseconds)
    case .fork(let fork):
      writer.write(fork.timeline.bytes)
      writer.write(fork.parent.bytes)
      writer.write(fork.lastShared.rawValue)
    case .reserve(let first, let end):
      writer.write(first.rawValue)
      writer.write(end.rawValue)
    case .givenUp(let file): file.encode(into: &writer)
    case .erased(let erasure): erasure.encode(into: &writer)
    }
  }

  /// Reads the payload of an edit. The bytes passed a checksum, so a fault here means a newer program or a bug, and is
  /// told rather than trapped on.
  package static func decode(_ payload: RawSpan) throws(ManifestFault) -> [ManifestChange] {
    var reader = ByteReader(payload)
    var changes: [ManifestChange] = []
    while reader.remaining > 0 {
      let outcome: Result<ManifestChange, ManifestFault>
      do throws(BytesError) {
        let tag: UInt16 = try reader.read()
        let zero: UInt16 = try reader.read()
        let length: UInt32 = try reader.read()
        let fields = try reader.readBytes(Int(clamping: length))
        var zeroes = UInt64(zero)
        for _ in fields.byteCount..<Format.aligned(fields.byteCount) {
          zeroes |= UInt64(try reader.read(UInt8.self))
        }
        outcome =
          zeroes == 0 ? try decode(tag, fields) : .failure(.malformed("a change uses bytes known as zero"))
      } catch {
        outcome = .failure(.malformed("a change is cut short: \(error)"))
      }
      changes.append(try outcome.get())
    }
    return changes
  }

  private static func decode(
    _ rawTag: UInt16, _ fields: RawSpan
  ) throws(BytesError) -> Result<ManifestChange, ManifestFault> {
    guard let tag = Tag(rawValue: rawTag) else { return .failure(.unknownChange(rawTag)) }
    var reader = ByteReader(fields)
    let change: ManifestChange
    switch tag {
    case .epoch: change = .epoch(min(try reader.readSmall(), .max - 1))
    case .ceiling: change = .ceiling(try reader.readLSN())
    case .floor: change = .floor(try reader.readLSN())
    case .nextFile: change = .nextFile(try reader.readID())
    case .remove: change = .remove(try reader.readID())
    case .forget: change = .forget(try reader.readID())
    case .add:
      let file = try reader.readFileRecord()
      guard file.liesInside else { return .failure(.malformed("a file's name leads out of the store")) }
      change = .add(file)
    case .seal: change = .seal(try reader.readID(), try reader.readFileSeal())
    case .gap: change = .gap(LSNRange(try reader.readLSN(), through: try reader.readLSN()))
    case .damage:
      change = .damage(
        Damage(
          file: try reader.readID(), firstByte: try reader.read(), endByte: try reader.read(),
          lsns: LSNRange(try reader.readLSN(), through: try reader.readLSN())))
    case .appendTime: change = .appendTime(WallTime(nanoseconds: try reader.read()))
    case .accepted:
      change = .accepted(
        AcceptedLoss(
          lsns: LSNRange(try reader.readLSN(), through: try reader.readLSN()),
          time: WallTime(nanoseconds: try reader.read())))
    case .fork:
      let timeline = TimelineID(try reader.readArray(TimelineID.byteCount))
      let parent = TimelineID(try reader.readArray(TimelineID.byteCount))
      guard let timeline, let parent else { return .failure(.malformed("a timeline's id is cut short")) }
      change = .fork(Fork(timeline: timeline, parent: parent, lastShared: try reader.readLSN()))
    case .reserve: change = .reserve(try reader.readID(), try reader.readID())
    case .held: change = .held(LSNRange(try reader.readLSN(), through: try reader.readLSN()))
    case .givenUp: change = .givenUp(try GivenUp(from: &reader))
    case .erased:
      let erasure = try KeptErasure(from: &reader)
      if let fault = erasure.fault { return .failure(.malformed(fault)) }
      change = .erased(erasure)
    case .erasuresKept: change = .erasuresKept(try reader.readLSN())
    }
    // Whatever was clamped on the way in, or is left over, does not come out the same.
    var again = ByteWriter(capacity: fields.byteCount)
    change.encodeFields(into: &again)
    guard again.bytes.isEqual(to: fields) else {
      return .failure(.malformed("a change holds a value that no writer gives"))
    }
    return .success(change)
  }
}

extension ByteReader {
  /// A 32-bit number that is stored in 64 bits.
  fileprivate mutating func readSmall() throws(BytesError) -> UInt32 {
    let wide: UInt64 = try read()
    return UInt32(clamping: wide)
  }

  /// An LSN, which is always far below the end of its type, so that later sums cannot overflow.
  mutating func readLSN() throws(BytesError) -> LSN { LSN(min(try read(), 1 << 62)) }

  /// A file's id; likewise.
  mutating func readID() throws(BytesError) -> FileID { FileID(min(try read(), 1 << 62)) }

  fileprivate mutating func readFileRecord() throws(BytesError) -> FileRecord {
    let kind = FileKind(rawValue: try read())
    let id = try readID()
    let first = try readLSN()
    let epoch = try readSmall()
    let headerCRC = try readSmall()
    let nameCount: UInt64 = try read()
    let attributeCount: UInt64 = try read()
    let name = try readString(utf8Count: Int(clamping: nameCount))
    let attributes = try readArray(Int(clamping: attributeCount))
    return FileRecord(
      kind: kind, id: id, name: name, first: first, epoch: epoch, headerCRC: headerCRC, attributes: attributes
    )
  }

  fileprivate mutating func readFileSeal() throws(BytesError) -> FileSeal {
    FileSeal(
      byteCount: try read(), last: try readLSN(), digest: try read(),
      firstTime: WallTime(nanoseconds: try read()), lastTime: WallTime(nanoseconds: try read()),
      frames: try read())
  }
}
