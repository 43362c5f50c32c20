// What the server itself refuses, in three lines each: what, where, what to do next. What the store refuses is in
// `StoreError+Wire.swift`.

import ApusContracts
import ApusWire

extension WireRefusal {
  static func badReceipt(_ fault: ReceiptFault) -> WireRefusal {
    WireRefusal(
      .badReceipt, fault.what, next: fault.next, details: [Detail("part", fault.rawValue)])
  }

  static let isOfThePast = WireRefusal(
    .badRequest, "the handle is of features as they were at an LSN, and nothing new is served of them",
    next: "ask at an exact LSN and time, or prepare the features without the LSN")

  static let badPlace = WireRefusal(
    .badRequest, "where to go on is not what a page of HISTORY said",
    next: "give the bytes of a page's reply as they are, or none")

  /// A reply that would pass what HELLO promised of the longest body.
  static func replyTooLong(_ type: MessageType, max: Int) -> WireRefusal {
    let less =
      switch type {
      case .get, .explain: "ask for fewer keys or fewer columns at a time"
      case .prepare: "prepare fewer columns at a time"
      case .scan: "one entity alone is longer: read it by GET, some columns at a time"
      case .history: "one event alone is longer: ask for its values by GET or EXPLAIN, some columns at a time"
      case .describe, .console: "ask for less: one view, one service, a limit"
      default: "ask for less at a time"
      }
    return WireRefusal(
      .badRequest, "the reply would be longer than \(max) bytes, the server's frame max",
      next: "\(less); or let the server's operator raise `max_frame`",
      details: [Detail("limit", "max_frame"), Detail("max", "\(max)")])
  }

  static let helloFirst = WireRefusal(
    .malformed, "the first frame of a connection is HELLO", next: "say HELLO, and wait for its reply")

  static let helloTwice = WireRefusal(
    .malformed, "HELLO is said once", next: "begin another connection")

  static func unknownType(_ type: UInt8) -> WireRefusal {
    WireRefusal(
      .malformed, "there is no request of type \(type)", next: "mend the client: Protocol.md has the types")
  }

  static func unsupported(_ what: String) -> WireRefusal {
    WireRefusal(
      .unsupported, "\(what) is not served yet", next: "use a server that has it")
  }

  static let idInUse = WireRefusal(
    .malformed, "two requests under way have one id", next: "give every request under way its own id")

  static let idZero = WireRefusal(
    .malformed, "a request has no id: 0 is HELLO's", next: "number requests from 1 on")

  static let notCompressed = WireRefusal(
    .malformed, "a body is compressed, and HELLO did not say so", next: "send it as it is")

  static func version(_ lowest: UInt16, _ highest: UInt16, ours: UInt16) -> WireRefusal {
    WireRefusal(
      .version, "the client speaks versions \(lowest) to \(highest), and the server 1 to \(ours)",
      next: "use a server at least as new as the client",
      details: [Detail("lowest", "1"), Detail("highest", "\(ours)")])
  }

  static func features(_ unknown: UInt64) -> WireRefusal {
    let bits = (0..<64).filter { unknown >> UInt64($0) & 1 == 1 }.map(String.init).joined(separator: ",")
    return WireRefusal(
      .feature, "the client requires features that the server does not know: \(bits)",
      next: "use a server that has them, or do not require them", details: [Detail("bits", bits)])
  }

  /// The same for an unknown id, a wrong secret and none at all.
  static let unauthenticated = WireRefusal(
    .unauthenticated, "this server wants a token, and this is none of its own",
    next: "make one with `apus token create`, and name its file in $APUS_TOKEN_FILE")

  static let revoked = WireRefusal(
    .unauthenticated, "the token that this connection came in with was revoked, or changed",
    next: "connect again with another one")

  static func forbidden(_ needed: Scope, in project: String?) -> WireRefusal {
    WireRefusal(
      .forbidden, "the token has not the scope \(needed)", where: project.map { "project \($0)" } ?? "",
      next: "use a token that has it",
      details: [Detail("scope", "\(needed)")] + (project.map { [Detail("project", $0)] } ?? []))
  }

  static func unknownHandle(_ handle: UInt32) -> WireRefusal {
    WireRefusal(
      .unknownHandle, "this connection has no handle \(handle)", next: "prepare the vector first",
      details: [Detail("handle", "\(handle)")])
  }

  static func definitionChanged(_ handle: UInt32) -> WireRefusal {
    WireRefusal(
      .definitionChanged, "what handle \(handle) was prepared for means something else now",
      next: "prepare it again, and repeat the request", details: [Detail("handle", "\(handle)")])
  }

  static func tooManyHandles(max: Int) -> WireRefusal {
    WireRefusal(
      .badRequest, "this connection has \(max) handles, and may have no more",
      next: "release those that are not needed", details: [Detail("max", "\(max)")])
  }

  static func tooManyColumns(_ count: Int, max: Int) -> WireRefusal {
    WireRefusal(
      .badRequest, "a vector of \(count) columns, where at most \(max) are allowed",
      next: "prepare several", details: [Detail("max", "\(max)")])
  }

  static func tooManyRows(_ count: Int, max: Int) -> WireRefusal {
    WireRefusal(
      .badRequest, "\(count) rows, where at most \(max) are allowed", next: "split the request",
      details: [Detail("rows", "\(count)"), Detail("max", "\(max)")])
  }

  static func badName(_ name: String) -> WireRefusal {
    WireRefusal(
      .unknownName, "\(Quoted(name)) is no name", next: "write NAME or NAME@VERSION",
      details: [Detail("name", name)])
  }

  static func whichProject(_ names: [String]) -> WireRefusal {
    WireRefusal(
      .badRequest, "no project is named, and there are \(names.count)",
      next: "name one of them: \(names.prefix(10).joined(separator: ", "))")
  }

  static let deadline = WireRefusal(
    .deadline, "the request's deadline passed before it was begun",
    next: "send it again, or give it more time", waitMilliseconds: 0)

  static func notYet(_ lsn: UInt64, visible: UInt64) -> WireRefusal {
    WireRefusal(
      .notYet, "LSN \(lsn) was not reached in time; \(visible) is the newest that is visible",
      next: "wait for it, or name an earlier LSN", waitMilliseconds: SessionLimits.notYetWaitMilliseconds,
      details: [Detail("lsn", "\(lsn)"), Detail("visible", "\(visible)")])
  }

  static let busy = WireRefusal(
    .overloaded, "too much waits for the server's workers already", next: "wait, and send again",
    waitMilliseconds: SessionLimits.overloadedWaitMilliseconds)

  static let shuttingDown = WireRefusal(
    .shuttingDown, "the server is shutting down", next: "connect again, to another server or a little later",
    waitMilliseconds: SessionLimits.troubleWaitMilliseconds)

  static let notDense = WireRefusal(
    .badRequest, "a column of the vector does not fit into a dense reply of this type",
    next: "ask for columns, or for float64 where there are int64 or timestamps")

  static let oneRowOnly = WireRefusal(
    .badRequest, "this layout is for one row", next: "ask for columns")
}
