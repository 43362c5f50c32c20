// Where a frame ends, for every way in which its bytes may come.

import ApusBytes
import ApusServer
import ApusTestSupport
import ApusWire
import Testing

@Suite("The frame cutter")
struct FrameCutterTests {
  /// Hands bytes over in pieces as a connection would, and collects the bodies.
  private func bodies(of pieces: [ArraySlice<UInt8>]) throws -> [[UInt8]] {
    var kept: [UInt8] = []
    var bodies: [[UInt8]] = []
    for piece in pieces {
      kept += piece
      while case .frame(let header, let byteCount) = try cut(kept) {
        bodies.append(FrameCutter.body(of: header, in: unsafe kept.span.bytes).copied())
        kept.removeFirst(byteCount)
      }
    }
    #expect(kept.isEmpty)
    return bodies
  }

  private func cut(_ bytes: [UInt8], max: Int = 1_000) throws(WireError) -> FrameCutter.Cut {
    try FrameCutter.cut(unsafe bytes.span.bytes, bodyByteCountMax: max)
  }

  @Test("finds the same frames wherever their bytes are split in three")
  func everySplit() throws {
    let expected: [[UInt8]] = [0, 1, 8, 13].map { [UInt8](repeating: 9, count: $0) }
    var bytes: [UInt8] = []
    for (index, body) in expected.enumerated() { bytes += Peer.frame(1, id: UInt64(index), body: body) }
    for first in 0...bytes.count {
      for second in first...bytes.count {
        #expect(try bodies(of: [bytes[..<first], bytes[first..<second], bytes[second...]]) == expected)
      }
    }
  }

  @Test("asks for what the next step needs, and never for more")
  func needs() throws {
    let frame = Peer.frame(1, id: 7, body: [1, 2, 3])
    for count in 0..<frame.count {
      #expect(try cut(Array(frame.prefix(count))) == .needs(count < 16 ? 16 : 24))
    }
    #expect(
      try cut(frame + [9]) == .frame(FrameHeader(length: 3, type: 1, id: 7), byteCount: 24))
  }

  @Test("refuses a length as soon as the header claims it", arguments: [0, 1, 7, 8, 1_000])
  func tooLong(max: Int) throws {
    let claims: [UInt32] = [UInt32(max) + 1, 0xFFFF_FFFF, 0xFFFF_FFFE, 0x8000_0000, 0x7FFF_FFFF, 0x8000_0001]
    for claim in claims {
      var writer = ByteWriter()
      FrameHeader(length: claim, type: 1, id: 1).encode(into: &writer)
      #expect(throws: WireError.tooLong(UInt64(claim), max: UInt64(max))) {
        try cut(writer.bytes.copied(), max: max)
      }
    }
    #expect(try cut(Peer.frame(1, id: 1, body: Array(repeating: 5, count: max)), max: max) != .needs(16))
  }

  @Test("refuses every bit of padding that is not zero")
  func padding() throws {
    let frame = Peer.frame(1, id: 1, body: [1, 2, 3])
    for at in 19..<24 {
      for bit in 0..<8 {
        var wrong = frame
        wrong[at] ^= 1 << bit
        #expect(throws: WireError.malformed("a frame's padding is not zero", at: at)) { try cut(wrong) }
      }
    }
  }

  @Test("takes any bytes without a trap, and what it cuts is what it was given")
  func anyBytes() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix64(seed: seed)
    for _ in 0..<20_000 {
      var bytes: [UInt8] = []
      // Few bits, so that some lengths and flags are allowed.
      for _ in 0..<random.next() % 64 {
        bytes.append(UInt8(truncatingIfNeeded: random.next() & random.next() & random.next() & random.next()))
      }
      switch try? cut(bytes, max: 32) {
      case .frame(let header, let byteCount):
        #expect(byteCount == header.frameByteCount && byteCount <= bytes.count)
      case .needs(let count): #expect(count > bytes.count, "seed \(seed)")
      case nil: break
      }
    }
  }
}
