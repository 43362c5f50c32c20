import ApusBytes
import ApusHistory
import ApusSystem
import ApusTestSupport
import Testing

@Suite("Ledgers")
struct LedgerTests {
  struct Frame: Equatable {
    var lsns: LSNRange
    var nanoseconds: Int64
  }
  struct Letter: Equatable {
    var lsn: LSN
    var nanoseconds: Int64
    var body: [UInt8]
  }

  /// What a ledger is about to hold, and came to hold.
  struct Content: Equatable {
    var lsns: LSNRange
    var frames: [Frame] = []
    var letters: [Letter] = []
    var note: [UInt8] = []

    init(_ lsns: LSNRange) { self.lsns = lsns }

    init(_ random: inout SplitMix64, frames count: Int, letterBytes: Int = 40) {
      let first = LSN(random.pick([1, 2, 1000, 1 << 61]))
      var next = first
      var nanoseconds = Int64(random.within(-5...5)) &* 1_000_000_000
      for _ in 0..<count {
        let base = next.advanced(by: random.chance(0.7) ? 0 : random.below(50))
        let frame = LSNRange(base, through: base.advanced(by: random.below(4)))
        // Time steps back where a person confirmed a clock.
        nanoseconds &+= random.chance(0.05) ? .min : Int64(random.within(0...1_000_000))
        frames.append(Frame(lsns: frame, nanoseconds: nanoseconds))
        if random.chance(0.3) {
          letters.append(
            Letter(lsn: frame.last, nanoseconds: nanoseconds, body: random.bytes(random.below(letterBytes))))
        }
        next = frame.last.next
      }
      lsns = LSNRange(first, through: next.advanced(by: random.below(3)))
      note = random.bytes(random.below(100))
    }
  }

  static let id = HistoryFileID(store: Array(0..<16), file: 7)

  func write(_ content: Content, _ disk: any Disk, _ path: String = "d/l") throws -> LedgerAttributes {
    let file = try disk.open(path, .create)
    var writer = try LedgerWriter.begin(file, Self.id, lsns: content.lsns)
    var letters = content.letters[...]
    for frame in content.frames {
      try writer.frame(frame.lsns, appendNanoseconds: frame.nanoseconds)
      while let letter = letters.first, letter.lsn <= frame.lsns.last {
        try writer.letter(
          letter.lsn, appendNanoseconds: letter.nanoseconds, body: unsafe letter.body.span.bytes)
        letters = letters.dropFirst()
      }
    }
    return try writer.finish(note: unsafe content.note.span.bytes)
  }

  func read(
    _ disk: any Disk, _ attributes: LedgerAttributes, first: LSN, _ id: HistoryFileID = id,
    verifying: Bool = true
  ) throws -> Content {
    let reader = try LedgerReader(try disk.open("d/l", .read), id, first: first, attributes)
    if verifying { try reader.verify() }
    var content = Content(reader.lsns)
    try reader.forEachFrame {
      content.frames.append(Frame(lsns: $0, nanoseconds: $1))
      return true
    }
    try reader.forEachLetter {
      content.letters.append(Letter(lsn: $0, nanoseconds: $1, body: $2.copied()))
      return true
    }
    content.note = try reader.note()
    return content
  }

  @Test("a ledger gives back the frames, letters and note that it was given", arguments: [0, 1, 2, 30, 3000])
  func roundTrip(count: Int) throws {
    for seed in 0..<UInt64(count > 100 ? 2 : 20) {
      var random = SplitMix64(seed: seed)
      let disk = SimulatedDisk(folders: ["d"])
      let content = Content(&random, frames: count)
      let attributes = try write(content, disk)
      #expect(attributes.frames == UInt64(content.frames.count))
      #expect(attributes.letters == UInt64(content.letters.count))
      #expect(try read(disk, attributes, first: content.lsns.first) == content, "seed \(seed)")
    }
  }

  @Test("letters and frames of many sections come back in order")
  func sections() throws {
    var random = SplitMix64(seed: 5)
    let disk = SimulatedDisk(folders: ["d"])
    let content = Content(&random, frames: 300_000, letterBytes: 100)
    #expect(content.letters.map(\.body.count).reduce(0, +) > 3 << 20)
    let attributes = try write(content, disk)
    #expect(try read(disk, attributes, first: content.lsns.first) == content)
  }

  @Test("a search that has found what it wants reads no further")
  func stops() throws {
    var random = SplitMix64(seed: 6)
    let disk = SimulatedDisk(folders: ["d"])
    let content = Content(&random, frames: 100)
    let attributes = try write(content, disk)
    let reader = try LedgerReader(
      try disk.open("d/l", .read), Self.id, first: content.lsns.first, attributes)
    var seen = 0
    try reader.forEachFrame { _, _ in
      seen += 1
      return seen < 3
    }
    #expect(seen == 3)
  }

  /// The ledger's bytes, with a change, as a file of a new disk.
  private func changed(_ bytes: [UInt8]) throws -> SimulatedDisk {
    let disk = SimulatedDisk(folders: ["d"])
    try disk.open("d/l", .create).writeAll(bytes, at: 0)
    return disk
  }

  @Test("every bit of a ledger that flips is found, by its sections' checksums alone and by its digest")
  func flips() throws {
    var random = SplitMix64(seed: 7)
    let disk = SimulatedDisk(folders: ["d"])
    let content = Content(&random, frames: 12)
    let attributes = try write(content, disk)
    let bytes = try disk.open("d/l", .read).readAll()
    var found = 0
    for place in bytes.indices {
      for bit in 0..<8 {
        var other = bytes
        other[place] ^= 1 << UInt8(bit)
        let changed = try changed(other)
        for verifying in [false, true] {
          #expect(throws: HistoryError.self, "byte \(place), bit \(bit)") {
            try read(changed, attributes, first: content.lsns.first, verifying: verifying)
          }
          found += 1
        }
      }
    }
    #expect(found == bytes.count * 16)
  }

  @Test("a ledger that is cut or longer, of another store, file or range is refused")
  func refused() throws {
    var random = SplitMix64(seed: 8)
    let disk = SimulatedDisk(folders: ["d"])
    let content = Content(&random, frames: 12)
    let attributes = try write(content, disk)
    let bytes = try disk.open("d/l", .read).readAll()
    for count in 0..<bytes.count {
      let cut = try changed(Array(bytes[..<count]))
      #expect(throws: HistoryError.self) { try read(cut, attributes, first: content.lsns.first) }
      var believed = attributes
      believed.size = UInt64(count)
      #expect(throws: HistoryError.self, "\(count) bytes") {
        try read(cut, believed, first: content.lsns.first, verifying: false)
      }
    }
    let longer = try changed(bytes + [UInt8](repeating: 0, count: 8))
    #expect(throws: HistoryError.self) { try read(longer, attributes, first: content.lsns.first) }
    for id in [
      HistoryFileID(store: Array(1..<17), file: 7), HistoryFileID(store: Array(0..<16), file: 8),
    ] {
      #expect(throws: HistoryError.self) { try read(disk, attributes, first: content.lsns.first, id) }
    }
    #expect(throws: HistoryError.self) { try read(disk, attributes, first: content.lsns.first.next) }
  }

  @Test("a section of a newer program refuses the ledger when its tag is even, and is passed when it is odd")
  func newer() throws {
    var content = Content(LSNRange(LSN(1), through: LSN(5)))
    content.note = Array("note".utf8)
    let disk = SimulatedDisk(folders: ["d"])
    let attributes = try write(content, disk)
    let bytes = try disk.open("d/l", .read).readAll()
    for tag in [UInt32(1), 5, 8] {
      // The note's own bytes stand behind a section of the other tag, each with the checksum of its place.
      let body: [UInt8] = [1, 2, 3]
      func section(_ tag: UInt32, _ body: [UInt8], raw: Int, at offset: Int) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(tag)
        writer.write(1 as UInt32)
        writer.write(UInt64(body.count))
        writer.write(UInt64(raw))
        var crc = CRC32C.extend(Self.id.seed(at: UInt64(offset)), writer.bytes)
        crc = CRC32C.extend(crc, unsafe body.span.bytes)
        writer.write(UInt64(crc))
        writer.write(body)
        writer.align(to: 8)
        return writer.bytes.copied()
      }
      var compressor = try ZstdCompressor()
      let note = try compressor.compress(unsafe content.note.span.bytes)
      var made = Array(bytes[..<64])
      let strange = section(tag, body, raw: 3, at: made.count)
      if tag < 6 {
        made += strange
        made += section(6, note, raw: 4, at: made.count)
      } else {
        made = bytes
        made += section(tag, body, raw: 3, at: made.count)
      }
      let changed = try changed(made)
      var believed = attributes
      believed.size = UInt64(made.count)
      if tag % 2 == 1 {
        #expect(try read(changed, believed, first: LSN(1), verifying: false) == content)
      } else {
        #expect(throws: HistoryError.newer(path: "d/l", "it has a section \(tag)")) {
          try read(changed, believed, first: LSN(1), verifying: false)
        }
      }
    }
  }

  // What stands in a section beneath its head is zstd's, another version of which may write other bytes for the same. So the
  // writer is held to the header, and the reader to all of it.
  @Test("a ledger of version 1 is read for ever, and begins with these bytes")
  func golden() throws {
    var content = Content(LSNRange(LSN(10), through: LSN(20)))
    content.frames = [
      Frame(lsns: LSNRange(LSN(10), through: LSN(12)), nanoseconds: 1_000),
      Frame(lsns: LSNRange(LSN(15), through: LSN(15)), nanoseconds: 900),
    ]
    content.letters = [Letter(lsn: LSN(11), nanoseconds: 1_000, body: Array("refused".utf8))]
    content.note = Array("APUSNOTE".utf8)
    let digits = Array(Self.golden.utf8).map { Character(UnicodeScalar($0)).hexDigitValue ?? 0 }
    let golden = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    let attributes = LedgerAttributes(
      last: LSN(20), size: UInt64(golden.count), digest: SHA256.digest(of: unsafe golden.span.bytes),
      frames: 2, letters: 1)
    #expect(try read(try changed(golden), attributes, first: LSN(10)) == content)

    let disk = SimulatedDisk(folders: ["d"])
    let written = try write(content, disk)
    let bytes = try disk.open("d/l", .read).readAll()
    #expect(bytes[..<64] == golden[..<64])
    #expect(written.digest == SHA256.digest(of: unsafe bytes.span.bytes))
  }

  private static let golden =
    "415055534c4544470100000000000000000102030405060708090a0b0c0d0e0f07000000000000000a00000000000000"
    + "1400000000000000d3fda3c80000000002000000010000002200000000000000180000000000000006dbda3700000000"
    + "28b52ffd2418ad0000680b00e8030007726566757365640200408c016001d2b85b110000000000000400000002000000"
    + "150000000000000008000000000000009abbae920000000028b52ffd24084100000003d00f0201c701fe82ff76000000"
    + "060000000100000015000000000000000800000000000000f50443ab0000000028b52ffd2408410000415055534e4f54"
    + "45b1f8f94f000000"
}
