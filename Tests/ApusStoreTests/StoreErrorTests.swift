import ApusBytes
import ApusContracts
import ApusIndex
import ApusLog
import ApusStore
import ApusSystem
import Testing

@Suite("The words of the store's errors")
struct StoreErrorTests {
  private let call = SystemError("fdatasync", .inputOutput, on: "/s/log/1")

  private var all: [StoreError] {
    let name = VersionedName(name: "v", number: 2)
    return [
      .unknownProject("p"), .unknownView(name, project: "p"), .unknownService(name, project: "p"),
      .unknownFeature("f", view: "v@2"), .unknownColumn("f", view: "v@2"), .retired("v@2"), .emptyBatch,
      .emptyVector,
      .columnNamedTwice("f"), .badKey(row: 3, role: "payer", .partCount(expected: 1, found: 2)),
      .keyMissing(row: 3, role: ""), .unknownKeyName("k", project: "p"), .batchTooLong(byteCount: 9, max: 8),
      .sourceOffsetTooLong(byteCount: 9, max: 8),
      .rowsRefused([RefusalTally(view: "v@2", rule: "f.min", count: 2, firstRow: 1, words: "f.min: -1")]),
      .plan(.unknown(name)), .badProducerName(""), .unknownProducer(7), .producerExpired(7),
      .fenced(producer: 7, epoch: 1, now: 2), .sequenceGap(producer: 7, found: 9, next: 8),
      .sequenceReused(producer: 7, 8), .sequenceTooOld(producer: 7, 1, oldest: 4),
      .overloaded(waitingRequests: 1, waitingByteCount: 2, overlayByteCount: 3),
      .deadLettersFull(byteCount: 9, max: 8),
      .deadLettersOld(since: WallTime(nanoseconds: 0)), .diskLow(freeByteCount: 1, reserve: 2),
      .diskFull(call),
      .readOnly([LSNRange(LSN(1), through: LSN(3))]), .rebuilding, .notYet(LSN(9), visible: LSN(8)), .closed,
      .stopped(because: call), .indexDamaged(.page(4)), .recordUnreadable(LSN(5), .unknownKind(9)),
      .log(.closed),
      .index(.tooManyReaders),
    ]
  }

  @Test("each says what happened, where if it is about one place, what to do next, and has a code of its own")
  func words() {
    for error in all {
      #expect(!error.what.isEmpty && !error.next.isEmpty && !error.code.isEmpty, "\(error)")
      #expect(error.description.hasSuffix(error.what))
      if let place = error.place { #expect(error.description == "\(place): \(error.what)") }
    }
    #expect(Set(all.map(\.code)).count == all.count)
    #expect(Set(all.map(\.description)).count == all.count)
  }

  @Test("the words name what a person must know")
  func examples() {
    #expect(
      StoreError.rowsRefused([
        RefusalTally(view: "v@2", rule: "f.min", count: 2, firstRow: 1, words: "f.min: -1")
      ])
      .description == "2 rows are refused: 2 of v@2 by f.min, first row 1 (f.min: -1)")
    #expect(
      StoreError.badKey(row: 3, role: "payer", .partCount(expected: 1, found: 2)).description
        == "row 3: no key of \"payer\": key of 2 parts, where the entity's has 1")
    #expect(StoreError.stopped(because: call).place == "/s/log/1")
    #expect(StoreError.fenced(producer: 7, epoch: 1, now: 2).description.hasPrefix("producer 7: FENCED"))
  }
}
