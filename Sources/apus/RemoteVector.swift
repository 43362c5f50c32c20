// What a server says of the features that are asked for: their handle, and what their keys are called. Words become keys by it, here,
// so that what is no key is told before anything is looked for.

import ApusBytes
import ApusContracts
import ApusWire

struct RemoteVector {
  let prepared: PrepareReply

  /// `lsn`: names mean what they meant at it.
  init(_ options: Get.Options, _ connection: inout RemoteConnection, asOf lsn: LSN? = nil) throws(Trouble) {
    let project = options.project ?? ""
    let request: PrepareRequest =
      switch options.what {
      case .service(let name): .service("\(name)", project: project)
      case .receipt(let fingerprint):
        .service(AnswerReceipt.name(ofFingerprint: fingerprint), project: project)
      case .features(let names): Self.request(names, lsn, project)
      case .view(let name): Self.request(["\(name):*"], lsn, project)
      }
    let reply: Result<[UInt8], WireRefusal> = try connection.exchange(
      .prepare, milliseconds: Self.milliseconds
    ) { request.encode(into: &$0) }
    switch reply {
    case .success(let body):
      prepared = try connection.read("PREPARE's answer", body) { (body) throws(WireError) in
        try PrepareReply(decoding: body)
      }
    case .failure(let refusal):
      if case .receipt = options.what, refusal.code == .unknownName { throw .unknownReceipt }
      throw Trouble(refusal, from: connection.address)
    }
  }

  private static func request(_ names: [String], _ lsn: LSN?, _ project: String) -> PrepareRequest {
    lsn.map { .features(names, asOf: $0, project: project) } ?? .features(names, project: project)
  }

  private static let milliseconds: Int32 = 30_000

  /// `card_activity@1`, of a vector of one view.
  var view: String { String(prepared.columns.first?.feature.prefix { $0 != ":" } ?? "") }

  func entity(_ options: Get.Options) throws(Trouble) -> Entity {
    guard let words = options.entity else {
      throw Trouble("key_missing", "no key is given", at: "the command line", next: "write NAME=VALUE")
    }
    var keys: [(name: String, type: KeyType)] = []
    for part in prepared.roles.flatMap(\.parts) where !keys.contains(where: { $0.name == part.name }) {
      keys.append((part.name, part.type))
    }
    return try Entity(words, of: keys, at: "the command line")
  }

  /// One for each role.
  func keys(of entity: Entity) throws(Trouble) -> [[UInt8]] {
    let named = entity.named
    var keys: [[UInt8]] = []
    for role in prepared.roles {
      var encoder = KeyEncoder()
      do throws(KeyError) {
        try KeySchema(role.parts.map(\.type)).encode(
          role.parts.compactMap { named[$0.name] }, into: &encoder)
      } catch {
        throw Trouble(
          "bad_key", "what is given cannot be the key of \(role.entity): \(error)", at: "the command line",
          next: "keys have at most 400 bytes, as they are encoded")
      }
      keys.append(encoder.bytes.copied())
    }
    return keys
  }
}

extension Trouble {
  /// Nothing here answers by that definition.
  static var unknownReceipt: Trouble {
    Trouble(
      "unknown_receipt", "no service of the project has the fingerprint of this receipt", at: "--receipt",
      next: "name what the answer was of: --service NAME@N, --view NAME@N or --features LIST")
  }
}
