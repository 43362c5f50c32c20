// Asking why features are what they are: now, at a moment of the past, or as an answer's receipt tells.

import ApusBytes
import ApusWire

extension ApusClient {
  /// Why the features of a service, `fraud@1`, are what they are, one row for every key.
  public func explain(
    _ service: String, project: String = "", for keys: [[String: FeatureValue]], at moment: Moment = .newest,
    timeout: Duration? = nil
  ) async throws(ClientError) -> Explanation {
    try await explain(.service(service, project: project), keys, moment.wire, timeout)
  }

  /// The same of the features that are listed: `card_activity:txn_count_24h`, or `card_activity:*` for all of a view.
  public func explain(
    _ features: [String], project: String = "", for keys: [[String: FeatureValue]],
    at moment: Moment = .newest, timeout: Duration? = nil
  ) async throws(ClientError) -> Explanation {
    try await explain(.features(features, project: project), keys, moment.wire, timeout)
  }

  /// What was answered with a receipt, and why: by the same keys in the same order. The service version is found by the receipt.
  ///
  /// Throws `badReceipt` when it does not fit, and says in the detail `part` what does not: `timeline` or `keys`.
  public func explain(
    _ receipt: Receipt, project: String = "", for keys: [[String: FeatureValue]], timeout: Duration? = nil
  ) async throws(ClientError) -> Explanation {
    let name = AnswerReceipt.name(ofFingerprint: receipt.wire.fingerprint)
    return try await explain(.service(name, project: project), keys, .receipt(receipt.wire), timeout)
  }

  /// The same for an answer that was of a list of features, which no receipt tells: here `part` can be `fingerprint`, too.
  public func explain(
    _ receipt: Receipt, of features: [String], project: String = "", for keys: [[String: FeatureValue]],
    timeout: Duration? = nil
  ) async throws(ClientError) -> Explanation {
    try await explain(.features(features, project: project), keys, .receipt(receipt.wire), timeout)
  }

  private func explain(
    _ request: PrepareRequest, _ keys: [[String: FeatureValue]], _ moment: AskedMoment, _ timeout: Duration?
  ) async throws(ClientError) -> Explanation {
    let deadline = deadline(timeout)
    return try await asking(request, at: moment, keys, deadline) { prepared, connection throws(ClientError) in
      var writer = ByteWriter()
      ExplainRequest.encode(handle: prepared.handle, rows: keys.count, moment, into: &writer)
      try prepared.encode(keys, into: &writer)
      let reply = try await call(.explain, writer.bytes.copied(), on: connection, deadline: deadline)
      return try Explanation(unsafe reply.span.bytes, rows: keys.count)
    }
  }
}

extension PrepareRequest {
  /// A list of features means at an LSN what its names meant then: some may be gone since.
  func asMeant(at moment: AskedMoment, on timeline: [UInt8]) -> PrepareRequest {
    guard case .features(let names, let project) = self else { return self }
    switch moment {
    case .newest, .known: return self
    case .lsn(let lsn, _): return .features(names, asOf: lsn, project: project)
    // One of another store, or that no answer has, is refused by EXPLAIN.
    case .receipt(let receipt) where receipt.lsn == .none: return self
    case .receipt(let receipt) where receipt.timeline != AnswerReceipt.first(of: timeline): return self
    case .receipt(let receipt): return .features(names, asOf: receipt.lsn, project: project)
    }
  }
}
