package import ApusBytes
package import ApusSystem

/// What the first 4096 bytes of a segment or a manifest say.
///
/// A value of this type was checked: its bytes had the right checksum, a version and features that this
/// program knows. Whether it is the header that was expected is for the caller to compare.
package struct FileHeader: Equatable, Sendable {
  package enum Kind: Sendable { case segment, manifest }

  package var kind: Kind
  package var optionalFeatures: UInt64 = 0
  package var storeID: StoreID
  package var fileID: FileID
  package var created: WallTime
  /// A segment's first LSN; a manifest's first edit.
  package var first: LSN
  package var epoch: UInt32
  /// The digest of the segment sealed before this one.
  package var previous: UInt64
  /// The header's own checksum, with which the chain of frames begins.
  package private(set) var crc: UInt32 = 0

  package init(
    kind: Kind, storeID: StoreID, fileID: FileID, created: WallTime, first: LSN, epoch: UInt32,
    previous: UInt64
  ) {
    self.kind = kind
    self.storeID = storeID
    self.fileID = fileID
    self.created = created
    self.first = first
    self.epoch = epoch
    self.previous = previous
  }
}

/// Why 4096 bytes are no header that this program can use.
package enum HeaderFault: Error, Equatable, Sendable {
  case tooShort(byteCount: Int)
  case wrongMagic
  case checksum(expected: UInt32, found: UInt32)
  case malformed
  /// Whole, but of a format that this program does not know. The file must stay untouched.
  case unsupportedVersion(UInt32)
  case unsupportedFeatures(UInt64)
  case notZero

  /// Whether the file is fine and this program too old for it.
  package var isUnsupported: Bool {
    switch self {
    case .unsupportedVersion, .unsupportedFeatures, .notZero: true
    case .tooShort, .wrongMagic, .checksum, .malformed: false
    }
  }
}

extension HeaderFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .tooShort(let byteCount): "only \(byteCount) bytes of a \(Format.headerByteCount)-byte file header"
    case .wrongMagic: "the file does not begin as it must"
    case .checksum(let expected, let found):
      "the file header's checksum is \(hex(found)), its bytes give \(hex(expected))"
    case .malformed: "the file header holds a value that no writer gives"
    case .unsupportedVersion(let version): "format version \(version); this program knows \(Format.version)"
    case .notZero: "the file header uses bytes that this program knows as zero"
    case .unsupportedFeatures(let bits): "required features \(hex(bits)) that this program does not know"
    }
  }
}

func hex(_ number: UInt32) -> String { "0x" + padded(number, width: 8, radix: 16) }
func hex(_ number: UInt64) -> String { "0x" + padded(number, width: 16, radix: 16) }

extension FileHeader {
  // The fields up to `optionalAt` keep their places in every version of the format.
  private static let versionAt = 8
  private static let crcAt = versionAt + 4
  private static let requiredAt = crcAt + 4

  private static func magic(of kind: Kind) -> String {
    switch kind {
    case .segment: Format.segmentMagic
    case .manifest: Format.manifestMagic
    }
  }

  /// The header's 4096 bytes; also fills in `crc`.
  package mutating func encode(into writer: inout ByteWriter) {
    let start = writer.count
    writer.write(utf8: FileHeader.magic(of: kind))
    writer.write(Format.version)
    writer.write(UInt32(0))
    writer.write(Format.knownRequiredFeatures)
    writer.write(optionalFeatures)
    writer.write(storeID.bytes)
    writer.write(fileID.rawValue)
    writer.write(created.nanoseconds)
    writer.write(first.rawValue)
    writer.write(epoch)
    writer.write(UInt32(0))
    writer.write(previous)
    writer.writeZeroes(start + Format.headerByteCount - writer.count)
    crc = FileHeader.checksum(writer.bytes.extracting(start..<start + Format.headerByteCount))
    writer.overwrite(crc, at: start + FileHeader.crcAt)
  }

  private static func checksum(_ header: RawSpan) -> UInt32 {
    CRC32C.extend(CRC32C.checksum(header.extracting(..<crcAt)), header.extracting(requiredAt...))
  }

  /// Judges the first bytes of a file.
  package static func decode(_ bytes: RawSpan, as kind: Kind) throws(HeaderFault) -> FileHeader {
    guard bytes.byteCount >= Format.headerByteCount else { throw .tooShort(byteCount: bytes.byteCount) }
    let header = bytes.extracting(..<Format.headerByteCount)
    let outcome: Result<FileHeader, HeaderFault>
    do throws(BytesError) { outcome = try parse(header, as: kind) } catch { outcome = .failure(.malformed) }
    return try outcome.get()
  }

  private static func parse(
    _ header: RawSpan, as kind: Kind
  ) throws(BytesError) -> Result<FileHeader, HeaderFault> {
    var reader = ByteReader(header)
    let found = try reader.readArray(versionAt)
    guard found == Array(magic(of: kind).utf8) else { return .failure(.wrongMagic) }
    let version: UInt32 = try reader.read()
    let crc: UInt32 = try reader.read()
    let computed = checksum(header)
    guard crc == computed else { return .failure(.checksum(expected: computed, found: crc)) }
    guard version == Format.version else { return .failure(.unsupportedVersion(version)) }
    let unknown = try reader.read(UInt64.self) & ~Format.knownRequiredFeatures
    guard unknown == 0 else { return .failure(.unsupportedFeatures(unknown)) }
    let optionalFeatures: UInt64 = try reader.read()
    guard let storeID = StoreID(try reader.readArray(StoreID.byteCount)) else { return .failure(.malformed) }
    let fileID: UInt64 = try reader.read()
    let created: Int64 = try reader.read()
    let first: UInt64 = try reader.read()
    let epoch: UInt32 = try reader.read()
    let zero: UInt32 = try reader.read()
    let previous: UInt64 = try reader.read()
    var others = UInt64(zero)
    while let word = try? reader.read(UInt64.self) { others |= word }
    guard others == 0 else { return .failure(.notZero) }
    guard first > 0, first < .max else { return .failure(.malformed) }
    var result = FileHeader(
      kind: kind, storeID: storeID, fileID: FileID(fileID), created: WallTime(nanoseconds: created),
      first: LSN(first), epoch: epoch, previous: previous)
    result.optionalFeatures = optionalFeatures
    result.crc = crc
    return .success(result)
  }
}
