// EXPORT and the frames of its stream as ApusWire reads them, in the plain reader's words.

import ApusBytes
import ApusContracts
import ApusWire

extension Ours {
  static func word(_ body: RawSpan) throws(WireError) -> Plain {
    try StreamWord.decode(body)
    return .of([:])
  }

  static func plain(_ data: StreamData) -> Plain {
    .of(["sequence": .number(data.sequence), "bytes": .bytes(data.bytes)])
  }

  static func plain(_ progress: StreamProgress) -> Plain {
    .of([
      "phase": .number(progress.phase.rawValue), "done": .number(progress.done),
      "total": progress.total.map { .number($0) } ?? .nothing,
    ])
  }

  static func plain(_ request: ExportRequest) -> Plain {
    let (kind, names): (Int, [String]) =
      switch request.wanted {
      case .service(let name): (1, [name])
      case .features(let names): (2, names)
      case .view(let name): (3, [name])
      }
    let labels: Plain =
      switch request.labels {
      case .spine: .list([.number(1)])
      case .text: .list([.number(2)])
      case .events(let from, let through): .list([.number(3), .number(from), .number(through)])
      }
    let point: Plain =
      switch request.point {
      case .newest: .list([.number(1)])
      case .lsn(let lsn): .list([.number(2), number(lsn)])
      case .time(let nanoseconds): .list([.number(3), .number(nanoseconds)])
      case .pin(let name): .list([.number(4), .text(name)])
      }
    return .of([
      "kind": .number(kind), "labels": labels, "mode": .number(request.mode.rawValue), "snapshot": point,
      "options": .number(request.options.rawValue), "columns": .number(request.columns.rawValue),
      "delay": .number(request.delayNanoseconds), "unit": .number(request.timeUnitNanoseconds ?? 0),
      "project": .text(request.project), "names": .list(names.map { .text($0) }),
      "moments": .text(request.time), "lsns": .text(request.lsn),
      "keys": .list(request.keys.map { .list([.text($0.name), .text($0.column)]) }),
      "time zone": .text(request.timezone), "prefix": .text(request.prefix), "split": .text(request.split),
      "checks": .text(request.checks),
      "told": .list(
        [request.told.set, request.told.format, request.told.spine, request.told.spineFormat].map {
          .text($0)
        }),
    ])
  }

  static func plain(_ reply: ExportReply) -> Plain {
    .of([
      "lsn": number(reply.lsn), "rows": .number(reply.rows), "identity": .bytes(reply.identity),
      "content digest": .bytes(reply.contentDigest), "manifest": .text(reply.manifest),
    ])
  }
}

extension Sample {
  static func of(_ m: ExportRequest) -> Sample {
    Sample("export", .export, isReply: false, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: ExportReply) -> Sample {
    Sample("export-reply", .export, isReply: true, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: StreamData) -> Sample {
    Sample("data", .data, isReply: false, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func of(_ m: StreamProgress) -> Sample {
    Sample("progress", .progress, isReply: false, Ours.plain(m)) { m.encode(into: &$0) }
  }
  static func credit(_ byteCount: UInt64) -> Sample {
    Sample("credit", .credit, isReply: false, .of(["bytes": .number(byteCount)])) {
      StreamCredit(byteCount).encode(into: &$0)
    }
  }
  static let end = Sample("end", .end, isReply: false, .of([:])) { _ in }
  static let cancel = Sample("cancel", .cancel, isReply: false, .of([:])) { _ in }
}
