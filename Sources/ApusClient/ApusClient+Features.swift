// Asking for features. A vector is prepared once per connection, by whoever needs it first; a handle whose definition changed is
// prepared again, and the caller does not notice.

import ApusBytes
import ApusContracts
import ApusSystem
import ApusWire

/// How features are read.
public struct ReadOptions: Sendable {
  /// Answered from this LSN on: what was written up to it is seen. The server waits for it until the call's deadline, and then the
  /// call throws `notYet` or `deadlinePassed`.
  public var minimum: ApusClient.LSN?
  /// Answered as it was at this LSN and time, which an answer carried; `minimum` means nothing then.
  public var exact: (lsn: ApusClient.LSN, time: Int64)?
  /// Values that are out of age are given, too; their status says that they are.
  public var includesStale = false
  /// Cells say when their winner became true, and how old it is.
  public var includesEventTimes = false
  /// Cells say at which LSN their winner was written.
  public var includesLSNs = false
  /// Nil: the client's.
  public var timeout: Duration?
  public init() {}

  var wire: GetOptions {
    var options: GetOptions = []
    if includesStale { options.insert(.stale) }
    if includesEventTimes { options.insert(.eventTimes) }
    if includesLSNs { options.insert(.lsns) }
    return options
  }
}

extension ApusClient {
  /// The features of a service, `fraud@1`, one row for every key.
  ///
  /// `project`: may be left out where there is only one.
  ///
  /// `keys`: each names every part of every key that the service asks for.
  public func features(
    _ service: String, project: String = "", for keys: [[String: FeatureValue]],
    options: ReadOptions = ReadOptions()
  ) async throws(ClientError) -> FeatureRows {
    try await features(of: .service(service, project: project), keys, options)
  }

  /// The features that are listed, `card_activity:txn_count_24h`, one row for every key.
  public func features(
    _ features: [String], project: String = "", for keys: [[String: FeatureValue]],
    options: ReadOptions = ReadOptions()
  ) async throws(ClientError) -> FeatureRows {
    try await self.features(of: .features(features, project: project), keys, options)
  }

  private func features(
    of request: PrepareRequest, _ keys: [[String: FeatureValue]], _ options: ReadOptions
  ) async throws(ClientError) -> FeatureRows {
    let deadline = deadline(options.timeout)
    let moment = options.exact.map { AskedMoment.lsn($0.lsn.wire, at: ReadTime(nanoseconds: $0.time)) }
    return try await asking(request, at: moment ?? .newest, keys, deadline) {
      prepared, connection throws(ClientError) in
      try await get(prepared, keys, options, on: connection, deadline: deadline)
    }
  }

  /// Asks with a vector that is prepared, and again when its definition changed meanwhile.
  func asking<Answer: Sendable>(
    _ request: PrepareRequest, at moment: AskedMoment, _ keys: [[String: FeatureValue]], _ deadline: UInt64,
    _ body: (PreparedFeatures, LiveConnection) async throws(ClientError) -> Answer
  ) async throws(ClientError) -> Answer {
    try await attempt(isRepeatable: true, deadline: deadline) { connection throws(ClientError) in
      let rowsMax = min(Int(clamping: connection.hello.rowsMax), Int(UInt16.max))
      guard !keys.isEmpty, keys.count <= rowsMax else {
        throw ClientError(.badInput, "\(keys.count) keys, where 1 to \(rowsMax) may be asked for at once")
      }
      let request = request.asMeant(at: moment, on: connection.hello.timeline)
      var renewals = 0
      while true {
        let prepared = try await prepared(request, on: connection, deadline: deadline)
        do throws(ClientError) {
          let answer = try await body(prepared, connection)
          // Of each LSN there would be another one.
          if request.lsn != nil { release(prepared.handle, on: connection) }
          return answer
        } catch {
          if request.lsn != nil { release(prepared.handle, on: connection) }
          guard error.code == .definitionChanged || error.code == .unknownHandle else { throw error }
          forget(prepared, request, on: connection, isKnown: error.code == .definitionChanged)
          renewals += 1
          if renewals > Self.renewalsMax { throw error }
        }
      }
    }
  }

  /// Definitions do not change faster than they are read, but once or twice.
  private static let renewalsMax = 3

  private func get(
    _ prepared: PreparedFeatures, _ keys: [[String: FeatureValue]], _ options: ReadOptions,
    on connection: LiveConnection, deadline: UInt64
  ) async throws(ClientError) -> FeatureRows {
    let layout: ReplyLayout = keys.count == 1 ? .row : .columns
    var writer = ByteWriter()
    if let (lsn, time) = options.exact {
      GetRequest.encode(
        handle: prepared.handle, rows: keys.count, layout: layout, options: options.wire, exact: lsn.wire,
        time: ReadTime(nanoseconds: time), into: &writer)
    } else {
      GetRequest.encode(
        handle: prepared.handle, rows: keys.count, layout: layout, options: options.wire,
        minimum: options.minimum?.wire, into: &writer)
    }
    let keysAt = writer.count
    try prepared.encode(keys, into: &writer)
    let sentKeys = writer.bytes.extracting(droppingFirst: keysAt).copied()
    let reply = try await call(.get, writer.bytes.copied(), on: connection, deadline: deadline)
    return try FeatureRows(
      reply, of: prepared, rows: keys.count, layout: layout, options: options.wire, keys: sentKeys,
      timeline: connection.hello.timeline)
  }

  private func prepared(
    _ request: PrepareRequest, on connection: LiveConnection, deadline: UInt64
  ) async throws(ClientError) -> PreparedFeatures {
    if let known = connection.handles.withLock({ $0[request] }) { return known }
    let body = Self.body { request.encode(into: &$0) }
    let reply = try await call(.prepare, body, on: connection, deadline: deadline)
    let made = try PreparedFeatures(
      try Self.decoded(reply) { (body) throws(WireError) in try PrepareReply(decoding: body) })
    if request.lsn != nil { return made }
    // Others may have prepared the same meanwhile: the first stays, so that all use one handle.
    let kept = connection.handles.withLock { handles in
      if let first = handles[request] { return first }
      if handles.count < Self.handlesMax { handles[request] = made }
      return made
    }
    if kept !== made { release(made.handle, on: connection) }
    return kept
  }

  /// More than any program asks for; beyond them handles are prepared for one call.
  private static let handlesMax = 1_024

  private func forget(
    _ prepared: PreparedFeatures, _ request: PrepareRequest, on connection: LiveConnection, isKnown: Bool
  ) {
    let wasKept = connection.handles.withLock { handles in
      guard handles[request] === prepared else { return false }
      handles[request] = nil
      return true
    }
    if wasKept, isKnown { release(prepared.handle, on: connection) }
  }

  private func release(_ handle: UInt32, on connection: LiveConnection) {
    tell(.release, Self.body { ReleaseRequest(handle: handle).encode(into: &$0) }, on: connection)
  }
}
