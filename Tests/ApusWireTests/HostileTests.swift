// Whatever a peer sends is read or refused: never a trap, and never memory for what is only claimed.

import ApusBytes
import ApusContracts
import ApusTestSupport
import ApusWire
import Glibc
import Testing

@Suite("Hostile messages")
struct HostileTests {
  @Test("cut at any byte are refused", arguments: 0..<6 as Range<UInt64>)
  func cut(seed: UInt64) throws {
    var chance = Chance(seed: seed ^ 0xC07)
    for sample in chance.samples() {
      for count in 0..<sample.body.count {
        // A list of keys, what a PING repeats and a piece of a stream have no length of their own: cut, they are shorter.
        let mayBeRead =
          ["get", "explain", "data"].contains(sample.name) || sample.name.hasPrefix("ping")
        let read = Result { try sample.ours(Array(sample.body.prefix(count))) }
        if case .success = read, !mayBeRead {
          Issue.record(
            "\(sample.name), seed \(seed), is read when cut after \(count) of \(sample.body.count)")
        }
      }
    }
  }

  @Test("with any field at its edges are read or refused", arguments: 0..<2 as Range<UInt64>)
  func edges(seed: UInt64) throws {
    var chance = Chance(seed: seed ^ 0xED6E)
    let edges: [UInt64] = [
      0, 1, 0xFFFE, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0x8000_0001, 0xFFFF_FFFF, 1 << 63, .max,
    ]
    var read = 0
    for sample in chance.samples() {
      // Every field of a head, and some of what follows.
      for at in sample.body.indices where at < 96 || chance.below(sample.body.count) < 96 {
        for width in [1, 2, 4, 8] where at + width <= sample.body.count {
          for edge in edges {
            var body = sample.body
            for byte in 0..<width { body[at + byte] = UInt8(truncatingIfNeeded: edge >> UInt64(8 * byte)) }
            if (try? sample.ours(body)) != nil { read += 1 }
          }
        }
      }
    }
    // Most fields hold any number.
    #expect(read > 1000)
  }

  @Test("by the hundred thousand do no harm")
  func mutations() throws {
    let count = unsafe getenv("APUS_WIRE_FUZZ").flatMap { unsafe Int(String(cString: $0)) } ?? 200_000
    let first = unsafe getenv("APUS_WIRE_SEED").flatMap { unsafe UInt64(String(cString: $0)) } ?? 1
    var (done, refused, seed) = (0, 0, first)
    while done < count {
      var chance = Chance(seed: seed)
      for sample in chance.samples() {
        for _ in 0..<40 {
          let body = chance.mutated(sample.body)
          done += 1
          // A trap ends the process: the last line names the seed.
          do throws(WireError) { _ = try sample.ours(body) } catch { refused += 1 }
        }
      }
      seed += 1
    }
    #expect(refused > done / 3 && refused < done, "\(refused) of \(done) from seed \(first) were refused")
  }

  @Test("that claim many rows, columns or ends cost no more memory than they have bytes")
  func memory() async {
    // In a process of its own, whose memory nobody else uses: what is claimed here would be hundreds of megabytes each.
    await #expect(processExitsWith: .success) {
      let before = HostileTests.peakKiB()
      var chance = Chance(seed: 77)
      for _ in 0..<10 {
        for sample in chance.samples() {
          for at in sample.body.indices where at + 4 <= sample.body.count {
            for claim: [UInt8] in [[0xFF, 0xFF, 0xFF, 0x0F], [0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0xFF]] {
              var body = sample.body
              body.replaceSubrange(at..<(at + claim.count), with: claim)
              _ = try? sample.ours(body)
            }
          }
        }
      }
      exit(HostileTests.peakKiB() - before < 32 * 1024 ? 0 : 1)
    }
  }

  /// The most memory that this process ever had.
  static func peakKiB() -> Int {
    var usage = rusage()
    unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss
  }
}

@Suite("Compressed bodies")
struct CompressionTests {
  private func compressed(_ body: [UInt8]) throws -> (header: FrameHeader, body: [UInt8]) {
    var writer = ByteWriter()
    writer.writeZeroes(16)
    let frame = FrameWriter.begin(replyTo: .describe, id: 9, in: &writer)
    writer.write(body)
    var compressor = try BodyCompressor()
    try compressor.finish(frame, in: &writer)
    let bytes = writer.bytes.extracting(16...)
    let header = try #require(try FrameHeader.decode(bytes))
    #expect(bytes.byteCount == header.frameByteCount)
    return (header, bytes.extracting(16..<(16 + Int(header.length))).copied())
  }

  @Test("come out as they went in, and are only sent when they are shorter")
  func roundTrip() throws {
    var random = SplitMix64(seed: 3)
    let long = [UInt8](repeating: 7, count: 10_000)
    let (header, body) = try compressed(long)
    #expect(header.flags == .compressed && body.count < 100)
    var decompressor = try BodyDecompressor()
    let out = try decompressor.decompress(unsafe body.span.bytes, atMost: 10_000).copied()
    #expect(out == long)

    let noise = random.bytes(1000)
    let plain = try compressed(noise)
    #expect(plain.header.flags == [] && plain.body == noise)
  }

  @Test("that are too long, or not what they claim, are refused")
  func refused() throws {
    var decompressor = try BodyDecompressor()
    let (_, body) = try compressed([UInt8](repeating: 7, count: 10_000))
    #expect(throws: WireError.tooLong(10_000, max: 9_999)) {
      _ = try decompressor.decompress(unsafe body.span.bytes, atMost: 9_999).byteCount
    }
    for count in 0..<body.count {
      let cut = Array(body.prefix(count))
      #expect(throws: WireError.self) {
        _ = try decompressor.decompress(unsafe cut.span.bytes, atMost: 20_000).byteCount
      }
    }
    for claim: UInt32 in [0, 1, 9_999, 10_001, 0x7FFF_FFFF, 0x8000_0000, .max] {
      var lying = body
      for byte in 0..<4 { lying[byte] = UInt8(truncatingIfNeeded: claim >> UInt32(8 * byte)) }
      #expect(throws: WireError.self) {
        _ = try decompressor.decompress(unsafe lying.span.bytes, atMost: 20_000).byteCount
      }
    }
    var notZero = body
    notZero[5] = 1
    #expect(throws: WireError.malformed("a byte that must be zero is not", at: 5)) {
      _ = try decompressor.decompress(unsafe notZero.span.bytes, atMost: 20_000).byteCount
    }
  }
}
