// Erasures in the manifest: Format.md has their bytes, and how long they stay.

import ApusBytes
import ApusLog
import ApusSystem
import ApusTestSupport
import Testing

@Suite("erasures, in the manifest")
struct KeptErasureTests {
  private static let salt = (0..<32).map { UInt8($0) }

  private static func erasure(_ lsn: UInt64, keys: Int = 1) -> KeptErasure {
    KeptErasure(
      lsn: LSN(lsn), time: WallTime(nanoseconds: -3), salt: salt,
      hashes: Array(repeating: UInt8(truncatingIfNeeded: lsn), count: 16 * keys))
  }

  /// A change as Format.md says, by hand.
  private func change(_ tag: UInt16, _ fields: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.write(tag)
    writer.write(0 as UInt16)
    writer.write(UInt32(fields.count))
    writer.write(fields)
    writer.align(to: 8)
    return writer.bytes.copied()
  }

  private func decoded(_ bytes: [UInt8]) throws -> [ManifestChange] {
    try unsafe ManifestChange.decode(bytes.span.bytes)
  }

  private static let head: [UInt8] =
    [7, 0, 0, 0, 0, 0, 0, 0] + [0xFD] + Array(repeating: 0xFF, count: 7) + salt

  @Test("the bytes of both changes are those of the format, and what no writer gives is refused")
  func bytes() throws {
    let hashes = [UInt8](repeating: 7, count: 32)
    #expect(try decoded(change(17, Self.head + hashes)) == [.erased(Self.erasure(7, keys: 2))])
    #expect(try decoded(change(18, [9, 0, 0, 0, 0, 0, 0, 0])) == [.erasuresKept(LSN(9))])
    for fields in [Self.head, Self.head + hashes.dropLast(), Array(Self.head.dropLast())] {
      #expect(throws: ManifestFault.self) { try decoded(change(17, fields)) }
    }
    #expect(throws: ManifestFault.self) { try decoded(change(18, [9])) }
  }

  @Test(
    "a snapshot keeps them; the floor that passes one forgets it; none is of an LSN twice, or never given out"
  )
  func state() throws {
    let gap = ManifestChange.gap(LSNRange(LSN(1), through: LSN(99)))
    let state = try ManifestState().applying([
      .ceiling(LSN(100)), gap, .erased(Self.erasure(9)), .erased(Self.erasure(5, keys: 3)),
      .erasuresKept(LSN(1)),
    ])
    #expect(state.keptErasures.map(\.lsn) == [LSN(5), LSN(9)] && state.keptErasureKeyCount == 4)
    #expect(try ManifestState().applying(state.snapshot) == state)
    for wrong in [
      ManifestChange.erased(Self.erasure(9)), .erased(Self.erasure(100)), .erased(Self.erasure(0)),
      .erasuresKept(LSN(2)), .erased(Self.erasure(11, keys: ManifestState.keptErasureKeysMax)),
    ] {
      #expect(throws: ManifestFault.self) { try state.applying([wrong]) }
    }
    let full = try state.applying([.erased(Self.erasure(11, keys: ManifestState.keptErasureKeysMax - 4))])
    #expect(full.keptErasureKeyCount == ManifestState.keptErasureKeysMax)

    let bare = try ManifestState().applying([.ceiling(LSN(100)), .erased(Self.erasure(3)), .floor(LSN(3))])
    #expect(bare.keptErasures.map(\.lsn) == [LSN(3)])
    #expect(try bare.applying([.floor(LSN(4))]).keptErasures.isEmpty)
    // One that comes when the floor is above it says what the ledger says.
    #expect(try bare.applying([.floor(LSN(4)), .erased(Self.erasure(2))]).keptErasures.isEmpty)
  }

  @Test("what was kept is there after a kill, and lost LSNs before that may have been erasures")
  func kept() throws {
    let disk = SimulatedDisk()
    let clock = SimulatedClock()
    var random = SplitMix64(seed: 5)
    let log = try Log.open("store", on: disk, clock: clock, random: &random)
    let writer = try #require(log.writer)
    for _ in 0..<3 { _ = try writer.append(recordCount: 1, payload: RawSpan()) }
    try writer.sync()
    try writer.keep([Self.erasure(2)], allFrom: LSN(2))
    #expect(throws: LogError.self) { try writer.keep([Self.erasure(2)]) }
    #expect(throws: LogError.self) { try writer.keep([Self.erasure(1 << 40)]) }
    #expect(writer.reader.view.keptErasures == [Self.erasure(2)])
    writer.abandon()
    let again = try Log.open("store", on: disk, clock: clock, random: &random)
    let view = again.reader.view
    #expect(view.keptErasures == [Self.erasure(2)] && view.erasuresKeptFrom == LSN(2))
    let lost = LSNRange(LSN(2), through: LSN(3))
    #expect(!lost.mayHaveErasures(unkeptBefore: LSN(2)) && lost.mayHaveErasures(unkeptBefore: LSN(3)))
    #expect(lost.mayHaveErasures(unkeptBefore: nil))
    again.writer?.abandon()
  }
}
