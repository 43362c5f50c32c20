// EXPORT and the frames of its stream, saying whatever chance wants.

import ApusBytes
import ApusContracts
import ApusTestSupport
import ApusWire

extension Chance {
  mutating func streams() -> [Sample] {
    [
      .of(exportRequest()),
      .of(
        ExportReply(
          lsn: lsn(), rows: random.next(), identity: random.bytes(32), contentDigest: random.bytes(32),
          manifest: text())),
      .of(StreamData(random.next(), bytes(20))),
      .credit(1 + random.next() >> 1),
      .of(
        StreamProgress(
          random.pick(StreamProgress.Phase.allCases), done: random.next(),
          total: flag() ? random.next() >> 1 : nil)),
      .end, .cancel,
    ]
  }

  private mutating func exportRequest() -> ExportRequest {
    var wanted = ExportRequest.Wanted.view(text())
    var labels: ExportRequest.Labels
    if flag() {
      labels = flag() ? .spine : .text
      if flag() { wanted = flag() ? .service(text()) : .features(texts(3)) }
    } else {
      let from = i64()
      labels = .events(from: from, through: max(from, i64()))
    }
    var request = ExportRequest(wanted, labels)
    request.mode = random.pick([.known, .happened])
    switch below(4) {
    case 0: request.point = .lsn(lsn())
    case 1: request.point = .time(nanoseconds: i64())
    case 2: request.point = .pin("p" + text())
    default: break
    }
    request.options = ExportRequest.Options(rawValue: UInt8(below(16)))
    request.columns = ExportRequest.Columns(rawValue: UInt8(below(16)))
    request.delayNanoseconds = i64() & .max
    request.project = text()
    (request.prefix, request.split, request.checks) = (text(), text(), text())
    request.told = ExportRequest.Told(set: text(), format: text(), spine: text(), spineFormat: text())
    if case .events = labels { return request }
    request.timeUnitNanoseconds = flag() ? random.pick([1, 1_000, 1_000_000, 1_000_000_000]) : nil
    (request.time, request.lsn, request.timezone) = (text(), text(), text())
    for _ in 0..<below(3) { request.keys.append(ExportRequest.Key(text(), column: text())) }
    return request
  }
}
