// Records and notes of every version of their formats, put together field by field and kept for good, each field with
// its meaning beside it: today's writers must make the same bytes, and today's readers understand them.

import ApusBytes
import ApusContracts
import ApusHistory
import ApusStore
import ApusSystem
import Glibc
import Testing

@Suite("Golden records and notes of the state")
struct StateGoldenTests {
  private static let folder =
    #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 } + "/Vectors/store-1"

  /// The bytes of a file of hexadecimal digits; what follows a `#` is for people.
  private func golden(_ name: String) throws -> [UInt8] {
    guard let file = unsafe fopen(Self.folder + "/" + name + ".hex", "r") else {
      Issue.record("there is no \(name)")
      return []
    }
    defer { unsafe fclose(file) }
    var text = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe fread(&text, 1, text.count, file)
    let lines = String(decoding: text[..<count], as: UTF8.self).split(separator: "\n")
    let digits = lines.flatMap { $0.prefix { $0 != "#" } }.compactMap(\.hexDigitValue).map { UInt8($0) }
    try #require(digits.count % 2 == 0 && !digits.isEmpty)
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  private let ticket = ProducerTicket(
    producer: 1, epoch: 1, sequence: 1,
    digest: RequestDigest(first: 0x0102_0304_0506_0708, second: 0x1112_1314_1516_1718),
    sourceOffset: Array("p7".utf8))
  private let salt = [UInt8](0..<32)

  @Test("today's writers make the records that they always made")
  func records() throws {
    // The four changes, each after its length of one byte.
    var rest = try golden("record-definitions").dropFirst(9)
    var changes: [RegistryChange] = []
    while let length = rest.first {
      changes.append(try RegistryChange(decoding: Array(rest.dropFirst().prefix(Int(length)))))
      rest = rest.dropFirst(1 + Int(length))
    }
    #expect(changes.count == 4)
    var counts = RowCounts()
    (counts.accepted, counts.setAside, counts.setBack) = (1, 2, 300)
    let letter = try golden("record-letter")
    let sum = DeadLetterSum(
      view: ViewVersionID(1), rule: "x.min", letters: 1, byteCount: UInt64(letter.count))
    let opening = StoreState().producers.opening(name: "loader")
    let made: [(String, [UInt8])] = [
      ("record-definitions", record { $0.writeDefinitions(changes) }),
      ("record-opened", record { $0.writeProducerOpened(opening, name: "loader") }),
      ("record-request", record { $0.writeProducerRequest(ticket, counts) }),
      (
        "record-erase",
        record { $0.writeErase(project: ProjectID(1), salt: salt, [ErasureHash(first: 1, second: 2)]) }
      ),
      (
        "record-handled",
        record {
          $0.writeHandled(
            .purged, [LSNRange(LSN(5), through: LSN(5))], [sum], oldestLeft: WallTime(nanoseconds: 3_000))
        }
      ),
      ("record-expired", record { $0.writeProducersExpired([2]) }),
      (
        "record-horizon",
        record {
          $0.writeHorizon(
            ViewVersionID(1),
            Horizon(
              moment: KnownAt(nanoseconds: 5_000), through: LSN(9), oldest: EventTime(nanoseconds: 2_000)))
        }
      ),
      (
        "record-pin",
        record {
          $0.writePin(
            Pin(
              name: "audit", last: LSN(9), moment: WallTime(nanoseconds: 5_000),
              since: WallTime(nanoseconds: 0),
              expires: WallTime(nanoseconds: 20_000), note: "q3", views: [ViewVersionID(1)]))
        }
      ),
      ("record-unpin", record { $0.writeUnpin("audit") }),
      (
        "record-receipt",
        record { $0.writeReceipt(through: LSN(7), events: 300, letters: 1, files: ["history/a"]) }
      ),
    ]
    for (name, bytes) in made {
      #expect(
        bytes == (try golden(name)),
        "\(name) differs: a change of the format needs a new version, and new golden files beside these")
    }
  }

  @Test("the records of version 1 make the state whose note is kept, and the note says that state")
  func note() throws {
    var state = StoreState()
    #expect(state.noteBytes == (try golden("note-empty")))
    try state.apply(1, at: 1_000, golden("record-definitions"))
    try state.apply(2, at: 2_000, golden("record-opened"))
    try state.apply(
      3, at: 3_000, golden("record-request"), eventRecord(1, 2_900), golden("record-letter"),
      golden("record-letter"))
    try state.apply(7, at: 4_000, golden("record-erase"))
    try state.apply(8, at: 5_000, golden("record-handled"))
    let second = state.producers.opening(name: "é")
    try state.apply(9, at: 6_000, record { $0.writeProducerOpened(second, name: "é") })
    try state.apply(10, at: 7_000, golden("record-expired"))
    try state.apply(11, at: 8_000, golden("record-horizon"))
    try state.apply(12, at: 9_000, golden("record-pin"))
    try state.apply(13, at: 10_000, golden("record-receipt"))

    let read = try ApusStoreTests.state(noted: golden("note")).get()
    #expect(read == state)
    #expect(state.noteBytes == (try golden("note")))
    #expect(read.registry.versions.map { read.registry.spelling(of: $0) } == ["spend@1"])
    #expect(read.producers.listed.map(\.name) == ["loader", "é"])
    #expect(read.producers.listed.map(\.isExpired) == [false, true])
    #expect(read.producers[1]?.sourceOffset == Array("p7".utf8))
    var counts = RowCounts()
    (counts.accepted, counts.setAside, counts.setBack) = (1, 2, 300)
    let frame = FrameMoment(lsns: LSNRange(LSN(3), through: LSN(6)), time: WallTime(nanoseconds: 3_000))
    #expect(
      try read.producers.judge(
        ticket, pending: nil, at: WallTime(nanoseconds: 3_000),
        idleNanosecondsMax: StoreLimits.producerIdleNanosecondsMax) == .repeated(frame, counts))
    #expect(
      read.erasures.erase(of: ErasureHash(first: 1, second: 2))
        == Erase(floor: LSN(7), time: WallTime(nanoseconds: 4_000)))
    #expect(read.erasures.salt == salt)
    #expect(read.deadLetters.letters == 1)
    #expect(read.deadLetters.oldest == WallTime(nanoseconds: 3_000))
    #expect(read.deadLetters.isHandled(LSN(5)) && !read.deadLetters.isHandled(LSN(6)))
    #expect(
      read.activity[ViewVersionID(1)]
        == ViewActivity(
          events: 1, newestEventTime: EventTime(nanoseconds: 2_900),
          lastAppendTime: WallTime(nanoseconds: 3_000),
          lastLSN: LSN(4)))
  }
}
