// Writing without a producer. The server cannot know such a request again, so it is made again only when nothing came of it for
// certain; when nobody knows, the error's `mayBeDone` says so. A `FeatureProducer` has no such doubt.

import ApusBytes
import ApusContracts
import ApusWire

public struct Erasure: Equatable, Sendable {
  public struct View: Equatable, Sendable {
    public let name: String
    /// Rows that are found now.
    public let count: UInt64
  }

  /// Nil for a dry run.
  public let lsn: ApusClient.LSN?
  public let timeNanoseconds: Int64
  public let views: [View]
}

extension ApusClient {
  /// Writes rows of a view, `card_activity`.
  public func push(
    _ view: String, _ rows: [FeatureRow], options: PushOptions = PushOptions()
  ) async throws(ClientError) -> PushResult {
    let body = try PushBatch(view, rows, options).body()
    return try Self.pushed(try await write(.push, body, timeout: options.timeout))
  }

  /// Says of entities that they are no more: a later event brings one back.
  public func delete(
    _ view: String, _ keys: [[FeatureValue]], eventTimeNanoseconds: Int64? = nil,
    options: PushOptions = PushOptions()
  ) async throws(ClientError) -> PushResult {
    let rows = keys.map { FeatureRow(key: $0, eventTimeNanoseconds: eventTimeNanoseconds) }
    let body = try PushBatch(view, rows, options, isDelete: true).body()
    return try Self.pushed(try await write(.delete, body, timeout: options.timeout))
  }

  /// Forgets everything whose key holds one of these values, for good.
  ///
  /// `keys`: by the part's name, `("card_id", "c42")`.
  public func erase(
    _ keys: [(name: String, value: FeatureValue)], isDryRun: Bool, project: String = "",
    timeout: Duration? = nil
  ) async throws(ClientError) -> Erasure {
    guard !keys.isEmpty, keys.count <= Int(UInt16.max) else {
      throw ClientError(.badInput, "\(keys.count) keys, where 1 to \(UInt16.max) can be erased at once")
    }
    for key in keys where key.value.value.scalarType == nil {
      throw ClientError(.badInput, "\(key.name) is a list, which no key holds")
    }
    let request = EraseRequest(
      project: project, keys: keys.map { EraseRequest.Key(name: $0.name, value: $0.value.value) },
      isDryRun: isDryRun)
    let body = Self.body { request.encode(into: &$0) }
    let reply = try Self.decoded(try await write(.erase, body, timeout: timeout)) {
      (body) throws(WireError) in try EraseReply(decoding: body)
    }
    return Erasure(
      lsn: reply.lsn == .none ? nil : LSN(reply.lsn), timeNanoseconds: reply.timeNanoseconds,
      views: reply.views.map { Erasure.View(name: $0.name, count: $0.count) })
  }

  static func pushed(_ body: [UInt8]) throws(ClientError) -> PushResult {
    PushResult(try decoded(body) { (body) throws(WireError) in try PushReply(decoding: body) })
  }
}
