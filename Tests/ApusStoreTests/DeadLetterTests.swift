// Letters of every version of their format, kept for good as hexadecimal text: they must be read for ever, and today's
// writer must make the same bytes until the version changes. Version 1 is frozen: APUS_GOLDEN_UPDATE=1 is for a version that no release has.

import ApusBytes
import ApusContracts
import ApusStore
import ApusTestSupport
import Glibc
import Testing

@Suite("Dead letters")
struct DeadLetterTests {
  /// The body of the letter's record.
  private func body(_ letter: DeadLetter) throws -> [UInt8] {
    var writer = ByteWriter()
    writer.write(letter)
    var walker = RecordWalker(writer.bytes, base: LSN(1))
    guard let record = try walker.next(), record.kind == .deadLetter else {
      throw Admitting.Wrong(what: "no record of a letter")
    }
    let body = record.body.copied()
    guard try walker.next() == nil else { throw Admitting.Wrong(what: "more than one record") }
    return body
  }

  private func decoded(_ body: [UInt8]) -> Result<DeadLetter, RecordFault> {
    Result { () throws(RecordFault) in try DeadLetter(unsafe body.span.bytes) }
  }

  private func random(_ random: inout SplitMix64) -> DeadLetter {
    DeadLetter(
      event: random.coin() ? .upsert : .delete, viewVersion: ViewVersionID(UInt32(random.below(1000))),
      revision: UInt32(random.below(1000)), rule: RandomRows.text(&random), words: RandomRows.text(&random),
      times: givenTimes(
        random.coin() ? Int64(bitPattern: random.next()) : nil, created: random.coin() ? .min : nil,
        known: random.coin() ? .max : nil),
      key: (0..<random.below(3)).map { _ in RandomRows.value(&random) },
      features: (0..<random.below(6)).map { _ in
        .init(RandomRows.text(&random), random.chance(0.3) ? .null : .value(RandomRows.value(&random)))
      })
  }

  @Test("a letter is read back whole, whatever it holds", arguments: UInt64(1)...20)
  func roundTrip(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for _ in 0..<100 {
      let letter = self.random(&random)
      #expect(decoded(try body(letter)) == .success(letter), "seed \(seed)")
    }
  }

  @Test("every cut of a letter is an error, and every flipped bit an error or the one form of another letter")
  func damage() throws {
    var random = SplitMix64(seed: 3)
    var accepted = 0
    for _ in 0..<100 {
      let bytes = try body(self.random(&random))
      for count in 0..<bytes.count {
        if case .success = decoded(Array(bytes[..<count])) { Issue.record("cut at \(count) of \(bytes)") }
      }
      guard case .failure(.trailing(2, 1)) = decoded(bytes + [0]) else {
        throw Admitting.Wrong(what: "a byte too many was read")
      }
      for bit in 0..<(bytes.count * 8) {
        var flipped = bytes
        flipped[bit / 8] ^= 1 << (bit % 8)
        if case .success(let letter) = decoded(flipped) {
          accepted += 1
          #expect(try body(letter) == flipped, "bit \(bit) of \(bytes)")
        }
      }
    }
    #expect(accepted > 0)
  }

  @Test("random bytes are a letter or an error, and huge counts ask for no memory")
  func noise() {
    var random = SplitMix64(seed: 4)
    for _ in 0..<20_000 {
      var bytes = random.bytes(random.below(60))
      // Behind a good head, so that what follows is read too.
      let head: [UInt8] = [1, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 97, 0, 0]
      if random.chance(0.8) { bytes = head + bytes }
      _ = decoded(bytes)
    }
    let head: [UInt8] = [1, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    let huge: [UInt8] = [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]
    #expect(decoded(head + huge) == .failure(.cut(kind: 2, at: head.count + huge.count)))
    #expect(decoded(head + [0] + huge) == .failure(.cut(kind: 2, at: head.count + 1 + huge.count)))
    #expect(decoded([2]) == .failure(.unknownOperation(kind: 2, operation: 2)))
    #expect(decoded([1, 1, 0, 7]) == .failure(.notZero(kind: 2, at: 2)))
  }

  @Test("words are cut at 512 bytes, between two characters")
  func words() throws {
    var letter = whole
    letter.words = String(repeating: "é", count: 300) + "x"
    let bytes = try body(letter)
    letter.words = String(repeating: "é", count: 256)
    #expect(decoded(bytes) == .success(letter))
  }

  private let whole = DeadLetter(
    event: .upsert, viewVersion: ViewVersionID(3), revision: 2, rule: "last_action.one_of",
    words: "last_action.one_of: \"sell\" is refused by card_activity@1",
    times: givenTimes(1_700_000_000_123_456_789, created: -1, known: 5), key: [.int64(42), .string("Zoë")],
    features: [
      .init("last_action", .value(.string("sell"))), .init("none", .null), .init("b", .value(.bool(true))),
      .init("i", .value(.int32(-2))), .init("f", .value(.float32(0.1))), .init("d", .value(.float64(-0.0))),
      .init("t", .value(.timestamp(nanoseconds: 7))), .init("bytes", .value(.bytes([0, 255]))),
      .init("list", .value(.list(.string(["", "a", "漢"])))),
      .init("vector", .value(.vector(.float32([1, -2.5])))),
    ])

  private var vectors: [(name: String, letter: DeadLetter)] {
    var bare = whole
    (bare.times, bare.key, bare.features) = (GivenTimes(), [], [])
    (bare.event, bare.rule, bare.words) = (.delete, "key", "")
    var odd = bare
    odd.key = [
      .vector(.string(["a", ""])), .vector(.int64([])), .list(.bytes([[]])), .vector(.bool([true])),
    ]
    return [("dead-letter-whole", whole), ("dead-letter-bare", bare), ("dead-letter-odd", odd)]
  }

  private static let folder =
    #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 } + "/Vectors/store-1"

  private func lines(of bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    let text = bytes.map { String([digits[Int($0 >> 4)], digits[Int($0 & 15)]]) }
    return stride(from: 0, to: text.count, by: 16).map { text[$0..<min($0 + 16, text.count)].joined() + "\n" }
      .joined()
  }

  private func content(of path: String) -> String? {
    guard let file = unsafe fopen(path, "r") else { return nil }
    defer { unsafe fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  @Test("today's writer makes the bytes that it always made, and they say what was said")
  func golden() throws {
    for (name, letter) in vectors {
      let path = Self.folder + "/" + name + ".hex"
      let bytes = try body(letter)
      if unsafe getenv("APUS_GOLDEN_UPDATE") != nil, let file = unsafe fopen(path, "w") {
        unsafe fputs(lines(of: bytes), file)
        unsafe fclose(file)
      }
      let text = try #require(content(of: path))
      #expect(
        text == lines(of: bytes),
        "\(name) differs: a change of the format needs a new version, and new golden files beside these")
      let digits = text.compactMap(\.hexDigitValue).map { UInt8($0) }
      let kept = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
      #expect(decoded(kept) == .success(letter))
    }
  }
}
