// Bytes from anywhere: judged, never believed, and never a trap.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Testing

@Suite("The format")
struct FormatTests {
  private func decode(header bytes: [UInt8], as kind: FileHeader.Kind) -> Result<FileHeader, HeaderFault> {
    var writer = ByteWriter()
    writer.write(bytes)
    do throws(HeaderFault) {
      return .success(try FileHeader.decode(writer.bytes, as: kind))
    } catch {
      return .failure(error)
    }
  }

  private func header() -> (FileHeader, [UInt8]) {
    var random = SplitMix64(seed: 4)
    var header = FileHeader(
      kind: .segment, storeID: StoreID(using: &random), fileID: FileID(7), created: WallTime(nanoseconds: -5),
      first: LSN(88), epoch: 3, previous: 0x1234_5678_9abc_def0)
    var writer = ByteWriter()
    header.encode(into: &writer)
    return (header, writer.bytes.copied())
  }

  @Test("a file header is what was written, and its constants add up")
  func headerRoundTrip() {
    let (header, bytes) = header()
    #expect(bytes.count == Format.headerByteCount)
    #expect(decode(header: bytes, as: .segment) == .success(header))
    #expect(decode(header: bytes, as: .manifest) == .failure(.wrongMagic))
    #expect(bytes[12..<16].elementsEqual(headerChecksum(bytes)))
  }

  @Test("a file header with any bit flipped, or cut anywhere, is refused")
  func headerDamage() {
    let (_, bytes) = header()
    for at in bytes.indices {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[at] ^= 1 << bit
        guard case .failure = decode(header: flipped, as: .segment) else {
          Issue.record("byte \(at) bit \(bit)")
          return
        }
      }
      #expect(decode(header: Array(bytes[..<at]), as: .segment) == .failure(.tooShort(byteCount: at)))
    }
  }

  @Test("a newer version, and an unknown required feature, are told from damage")
  func newer() {
    var (_, version) = header()
    version[8] = 2
    version.replaceSubrange(12..<16, with: headerChecksum(version))
    #expect(decode(header: version, as: .segment) == .failure(.unsupportedVersion(2)))
    var (_, required) = header()
    required[23] = 0x80
    required.replaceSubrange(12..<16, with: headerChecksum(required))
    #expect(decode(header: required, as: .segment) == .failure(.unsupportedFeatures(1 << 63)))
    for at in [76, 79, 88, 707, 4095] {
      var (_, used) = header()
      used[at] = 1
      used.replaceSubrange(12..<16, with: headerChecksum(used))
      #expect(decode(header: used, as: .segment) == .failure(.notZero))
    }
    #expect(HeaderFault.notZero.isUnsupported)
    var (_, optional) = header()
    optional[31] = 0x80
    optional.replaceSubrange(12..<16, with: headerChecksum(optional))
    guard case .success(let header) = decode(header: optional, as: .segment) else {
      Issue.record("an unknown optional feature is to be ignored")
      return
    }
    #expect(header.optionalFeatures == 1 << 63)
  }

  @Test("a frame header made of any bytes is judged, never a trap, and never believed without its checksum")
  func frameHeaders() {
    var random = SplitMix64(seed: 11)
    let seed = FrameSeed(storeID: StoreID(using: &random), fileID: FileID(1))
    for _ in 0..<20_000 {
      var bytes = random.bytes(random.below(80))
      if bytes.count >= 4, random.coin() { bytes.replaceSubrange(0..<4, with: Array("APFR".utf8)) }
      var writer = ByteWriter()
      writer.write(bytes)
      #expect(throws: FrameFault.self) {
        _ = try FrameFormat.decodeHeader(writer.bytes, at: 4096, seedCRC: seed.at(random.next()))
      }
    }
  }

  @Test("a frame header under a right checksum that no writer makes is refused by name")
  func forgedFrames() {
    var random = SplitMix64(seed: 12)
    let seed = FrameSeed(storeID: StoreID(using: &random), fileID: FileID(1))
    func fault(_ forge: (inout ByteWriter) -> Void) -> FrameFault? {
      // A whole header of a mark at offset 4096.
      var writer = ByteWriter()
      writer.write(Format.frameMagic)
      writer.write(UInt32(0))
      writer.write(UInt8(2))
      writer.write(UInt8(0))
      writer.write(UInt16(0))
      writer.write(UInt32(0))
      writer.write(UInt64(9))
      writer.write(UInt32(0))
      writer.write(UInt32(1))
      writer.write(UInt64(8))
      writer.write(Int64(0))
      writer.write(UInt32(0))
      writer.write(UInt32(0))
      forge(&writer)
      writer.overwrite(CRC32C.extend(seed.at(4096), writer.bytes.extracting(8..<56)), at: 4)
      do throws(FrameFault) {
        _ = try FrameFormat.decodeHeader(writer.bytes, at: 4096, seedCRC: seed.at(4096))
        return nil
      } catch {
        return error
      }
    }
    #expect(fault { _ in } == nil)
    #expect(fault { $0.overwrite(UInt8(0), at: 8) } == .unknownType(0))
    #expect(fault { $0.overwrite(UInt8(7), at: 8) } == .unknownType(7))
    #expect(fault { $0.overwrite(UInt8(2), at: 9) } == .unknownFlags(2))
    #expect(fault { $0.overwrite(UInt16(1), at: 10) } == .notZero)
    #expect(fault { $0.overwrite(UInt32.max, at: 12) } == .length(Int(UInt32.max)))
    #expect(
      fault { $0.overwrite(UInt32(Format.payloadByteCountMax) + 1, at: 12) }
        == .length(Format.payloadByteCountMax + 1))
    #expect(fault { $0.overwrite(UInt64(0), at: 16) } == .base(expected: .first, found: LSN(0)))
    #expect(fault { $0.overwrite(UInt64.max, at: 16) } == .base(expected: .first, found: LSN(.max)))
    #expect(fault { $0.overwrite(UInt32(1), at: 24) } == .recordCount(1))
    #expect(fault { $0.overwrite(UInt64(9), at: 32) } == .durable(LSN(9), base: LSN(9)))
    for unsupported in [FrameFault.unknownType(7), .unknownFlags(2), .notZero, .length(1 << 30)] {
      #expect(unsupported.isUnsupported)
    }
  }

  @Test("a checksum of another offset, file or store does not match")
  func seeds() {
    var random = SplitMix64(seed: 13)
    let store = StoreID(using: &random)
    let seed = FrameSeed(storeID: store, fileID: FileID(1))
    #expect(seed.at(4096) != seed.at(4104))
    #expect(seed.at(4096) != FrameSeed(storeID: store, fileID: FileID(2)).at(4096))
    #expect(seed.at(4096) != FrameSeed(storeID: StoreID(using: &random), fileID: FileID(1)).at(4096))
  }

  @Test("a list of changes made of any bytes is judged, never a trap")
  func manifestChanges() {
    var random = SplitMix64(seed: 14)
    var state = ManifestState()
    for round in 0..<20_000 {
      var bytes = random.bytes(8 * random.below(20))
      // Most are given a known tag and a length that fits, so that the fields are reached.
      if bytes.count >= 8, round % 4 > 0 {
        bytes.replaceSubrange(
          0..<8, with: [UInt8(random.within(1...14)), 0, 0, 0, UInt8(bytes.count - 8), 0, 0, 0])
      }
      var writer = ByteWriter()
      writer.write(bytes)
      do throws(ManifestFault) {
        let changes = try ManifestChange.decode(writer.bytes)
        state = try state.applying(changes)
      } catch {
        #expect(!error.description.isEmpty)
      }
    }
  }

  @Test("a change whose number is too large for its field is refused, not bent")
  func clamped() {
    var writer = ByteWriter()
    for word in [UInt64(1) | 8 << 32, 1 << 32] { writer.write(word) }
    #expect(throws: ManifestFault.self) { _ = try ManifestChange.decode(writer.bytes) }
    var lsn = ByteWriter()
    for word in [UInt64(2) | 8 << 32, .max] { lsn.write(word) }
    #expect(throws: ManifestFault.self) { _ = try ManifestChange.decode(lsn.bytes) }
  }

  @Test("a change whose padding is used, or whose name leads out of the store, is refused")
  func changeBytes() throws {
    func bytes(of name: String) -> [UInt8] {
      var writer = ByteWriter()
      let length = UInt64(56 + name.utf8.count)
      for word in [5 | length << 32, 1, 1, 1, 1, 0, UInt64(name.utf8.count), 0] { writer.write(word) }
      writer.write(utf8: name)
      writer.writeZeroes((8 - name.utf8.count % 8) % 8)
      return writer.bytes.copied()
    }
    func decode(_ bytes: [UInt8]) throws -> [ManifestChange] {
      var writer = ByteWriter()
      writer.write(bytes)
      return try ManifestChange.decode(writer.bytes)
    }
    #expect(try decode(bytes(of: "log/1")).count == 1)
    #expect(try decode(bytes(of: "log/1..2")).count == 1)
    for name in ["", "/log/1", "../1", "log/../../1", "log/1\0"] {
      #expect(throws: ManifestFault.self, "\(name)") { _ = try decode(bytes(of: name)) }
    }
    var padded = bytes(of: "log/1")
    padded[padded.count - 1] = 1
    #expect(throws: ManifestFault.self) { _ = try decode(padded) }
  }

  @Test("a snapshot makes the state it was taken of")
  func snapshot() throws {
    var fixture = Fixture(segmentByteCount: 8192)
    let writer = try fixture.openWriter()
    for _ in 0..<20 { try fixture.append(writer, bytes: 900) }
    try writer.retire(through: LSN(6))
    try writer.sync()
    fixture.disk = fixture.disk.killProcess()
    _ = try fixture.open()
    let state = try LogOverview.manifest(Fixture.folder, on: fixture.disk.copy()).state
    #expect(state.gaps.count == 1 && state.segments.count > 2 && state.lastAppendTime != nil)
    #expect(try ManifestState().applying(state.snapshot) == state)
  }

  @Test("a manifest whose segments overlap, leave a hole or reach over the ceiling does not hold together")
  func contradictions() throws {
    func record(_ id: UInt64, _ first: UInt64) -> FileRecord {
      FileRecord(kind: .segment, id: FileID(id), name: "log/\(id)", first: LSN(first), epoch: 1, headerCRC: 0)
    }
    let base: [ManifestChange] = [.ceiling(LSN(100)), .add(record(1, 1))]
    #expect(throws: ManifestFault.self) { try ManifestState().applying([.add(record(1, 2))]) }
    #expect(throws: ManifestFault.self) { try ManifestState().applying(base + [.add(record(2, 1))]) }
    #expect(throws: ManifestFault.self) { try ManifestState().applying(base + [.add(record(1, 1))]) }
    #expect(throws: ManifestFault.self) {
      try ManifestState().applying(base + [.gap(LSNRange(LSN(5), through: LSN(6)))])
    }
    #expect(throws: ManifestFault.self) { try ManifestState().applying(base + [.remove(FileID(9))]) }
    #expect(throws: ManifestFault.self) { try ManifestState().applying([.epoch(0)]) }
    #expect(throws: ManifestFault.self) {
      try ManifestState().applying([.gap(LSNRange(LSN(1), through: LSN(1)))])
    }
  }
}
