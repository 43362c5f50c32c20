// What a person gave up, as the manifest keeps it: Format.md has the bytes.

import ApusBytes
import ApusLog
import ApusSystem
import Testing

@Suite("What is given up, in the manifest")
struct GivenUpTests {
  private static let note = GivenUp(
    file: FileID(6), kind: .run, view: 3, lsns: LSNRange(LSN(40), through: LSN(90)), lost: 7,
    time: WallTime(nanoseconds: 1_000), newestEvent: WallTime(nanoseconds: -2), isHeld: true,
    least: [0x61, 0], greatest: [0x62, 0x63, 0])

  /// A change as Format.md says, by hand.
  private func change(_ tag: UInt16, _ words: [UInt64], _ tail: [UInt8] = []) -> [UInt8] {
    var writer = ByteWriter()
    writer.write(tag)
    writer.write(0 as UInt16)
    writer.write(UInt32(8 * words.count + tail.count))
    for word in words { writer.write(word) }
    writer.write(tail)
    writer.align(to: 8)
    return writer.bytes.copied()
  }

  private func decoded(_ bytes: [UInt8]) throws -> [ManifestChange] {
    try unsafe ManifestChange.decode(bytes.span.bytes)
  }

  private static let words: [UInt64] = [6, 2, 3, 40, 90, 7, 1_000, UInt64(bitPattern: -2), 1, 2, 3]
  private static let keys: [UInt8] = [0x61, 0, 0x62, 0x63, 0]

  @Test("the bytes of both changes are those of the format")
  func bytes() throws {
    #expect(try decoded(change(15, [5, 9])) == [.held(LSNRange(LSN(5), through: LSN(9)))])
    #expect(try decoded(change(16, Self.words, Self.keys)) == [.givenUp(Self.note)])
  }

  @Test("bytes that no writer gives are refused")
  func malformed() throws {
    for (place, word) in [(8, 2), (2, 1 << 32), (9, 9), (10, 1 << 40)] {
      var words = Self.words
      words[place] = UInt64(word)
      #expect(throws: ManifestFault.self) { try decoded(change(16, words, Self.keys)) }
    }
    #expect(throws: ManifestFault.self) { try decoded(change(16, Self.words, Self.keys + [1])) }
    #expect(throws: ManifestFault.self) { try decoded(change(15, [5, 9, 9])) }
  }

  @Test("both are kept by a snapshot, and only of what was given out and accepted")
  func state() throws {
    let range = LSNRange(LSN(5), through: LSN(9))
    let accepted = AcceptedLoss(lsns: range, time: WallTime(nanoseconds: 1))
    let state = try ManifestState().applying([
      .ceiling(LSN(100)), .gap(LSNRange(LSN(1), through: LSN(99))), .accepted(accepted), .held(range),
      .givenUp(Self.note),
    ])
    #expect(state.held.ranges == [range] && state.givenUp == [Self.note])
    #expect(try ManifestState().applying(state.snapshot) == state)
    #expect(throws: ManifestFault.self) {
      try state.applying([.held(LSNRange(LSN(9), through: LSN(10)))])
    }
    #expect(throws: ManifestFault.self) {
      try ManifestState().applying([.ceiling(LSN(50)), .givenUp(Self.note)])
    }
  }

  @Test("a key may be among what is lost if it lies between the bounds, or there are none")
  func keys() throws {
    func mayHold(_ key: [UInt8], _ note: GivenUp = GivenUpTests.note) -> Bool {
      unsafe note.mayHold(key.span.bytes)
    }
    #expect(mayHold([0x61, 0]) && mayHold([0x62, 0x63, 0]) && mayHold([0x61, 0x7a, 0]))
    #expect(!mayHold([0x60]) && !mayHold([0x62, 0x64, 0]))
    var any = Self.note
    (any.least, any.greatest) = ([], [])
    #expect(mayHold([0x7f], any))
    any.lost = 0
    #expect(!mayHold([0x7f], any))
  }
}
