// The story's other end: a data scientist asks for a training set.

import ApusBytes
import ApusContracts
import ApusWire

extension GoldenSamples {
  private static let plainExport: ExportRequest = {
    var request = ExportRequest(.service("fraud@1"), .spine)
    request.time = "label_time"
    request.told = .init(
      set: "train.parquet", format: "parquet", spine: "labels.parquet", spineFormat: "parquet")
    return request
  }()

  private static let fullExport: ExportRequest = {
    var request = ExportRequest(.features(["card_activity:txn_count_24h", "card_activity@1:*"]), .text)
    request.mode = .happened
    request.point = .lsn(LSN(88_123))
    request.options = [.strict, .beyondHistoryIsNull, .stale, .withoutRows]
    request.columns = [.statuses, .reasons, .eventTimes, .lsns]
    request.delayNanoseconds = 90 * second
    request.timeUnitNanoseconds = 1_000_000
    request.project = "fraud"
    (request.time, request.lsn) = ("at", "served_lsn")
    request.keys = [.init("card_id", column: "card"), .init("payer_id", column: "payer")]
    (request.timezone, request.prefix, request.split) = ("Europe/Berlin", "f_", "hash=0.8")
    request.checks = "{\"duplicates\":0.02}"
    request.told = .init(set: "t.csv", format: "csv", spine: "l.csv", spineFormat: "csv")
    return request
  }()

  private static let eventsExport: ExportRequest = {
    var request = ExportRequest(
      .view("card_activity@1"), .events(from: now - 86_400 * second, through: now))
    request.point = .pin("june")
    return request
  }()

  private static let timeExport: ExportRequest = {
    var request = ExportRequest(.service("fraud"), .spine)
    request.point = .time(nanoseconds: now)
    return request
  }()

  static let streams: [Sample] = [
    .of(plainExport), named("export-all", .of(fullExport)), named("export-events", .of(eventsExport)),
    named("export-time", .of(timeExport)),
    .of(
      ExportReply(
        lsn: LSN(88_123), rows: 1_000, identity: Array(0..<32), contentDigest: Array(32..<64),
        manifest: "{\"apus_training_set\":0}\n")),
    .of(StreamData(0, [0xFF, 0xFF, 0xFF, 0xFF, 0x10])), .credit(1_048_576), .end, .cancel,
    .of(StreamProgress(.joining, done: 500, total: 1_000)),
    named("progress-unknown", .of(StreamProgress(.reading, done: 500, total: nil))),
    named(
      "error-spine",
      .error(
        WireRefusal(
          .badSpine, "row 407 of the spine, column card_id: null is no string",
          next: "mend the spine", details: [.init("row", "407"), .init("column", "card_id")]))),
  ]
}
