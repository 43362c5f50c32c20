// The greeting: version, features, token, limits. A stranger's frame is small, and nothing of it is kept.

import ApusBytes
import ApusStore
import ApusSystem
import ApusWire

extension Session {
  /// Feature bits that this server knows; none yet.
  static let features: UInt64 = 0

  func greet(
    _ header: FrameHeader, _ body: RawSpan, _ output: inout ByteWriter, _ now: UInt64
  ) -> ConnectionAction {
    guard header.type == MessageType.hello.rawValue, header.id == 0 else {
      return end(.helloFirst, header.id, &output)
    }
    if header.flags.contains(.compressed) { return end(.notCompressed, 0, &output) }
    let hello: HelloRequest
    do throws(WireError) { hello = try HelloRequest(decoding: body) } catch {
      return end(WireRefusal(error), 0, &output)
    }
    guard hello.lowestVersion <= HelloRequest.version else {
      return end(
        .version(hello.lowestVersion, hello.highestVersion, ours: HelloRequest.version), 0, &output)
    }
    let unknown = hello.required & ~Self.features
    guard unknown == 0 else { return end(.features(unknown), 0, &output) }
    if let tokens = server.tokens {
      if let id = hello.token?.id { place = server.holders.add(id, port) }
      guard let granted = hello.token.flatMap({ tokens.check(id: $0.id, secret: $0.secret) }) else {
        leaveHolders()
        let delay = server.counters.delayOfWrongToken(now: now)
        state = .refusing(at: now &+ delay)
        return .pause
      }
      scopes = granted
    } else {
      scopes = .all
    }
    if isStopping { return end(.shuttingDown, 0, &output) }
    state = .greeted
    compressFrom = BodyCodec.agreed(hello.compressFrom, UInt32(clamping: server.options.compressFrom))
    Frames.write(replyTo: .hello, 0, into: &output) { reply(to: hello).encode(into: &$0) }
    return .goOn
  }

  /// The token that it came in with is good no longer.
  func tokenRevoked(_ output: inout ByteWriter) -> ConnectionAction {
    guard state == .greeted else { return .goOn }
    return end(.revoked, 0, &output)
  }

  func leaveHolders() {
    if let place { server.holders.remove(place) }
    place = nil
  }

  private func reply(to hello: HelloRequest) -> HelloReply {
    let identity = server.store.identity
    let options = server.options
    return HelloReply(
      version: min(hello.highestVersion, HelloRequest.version), compressFrom: compressFrom,
      features: (hello.required | hello.optional) & Self.features, storeID: identity.id,
      timeline: identity.timeline, visible: server.store.visible,
      clockNanoseconds: server.store.shared.clock.wall().nanoseconds,
      frameByteCountMax: UInt32(clamping: options.bodyByteCountMax),
      inFlightMax: UInt32(clamping: options.inFlightMax), rowsMax: UInt32(clamping: options.rowsMax),
      durability: identity.isDurable ? .durable : .buffered,
      scopes: HelloReply.Scopes(rawValue: scopes.anywhere.rawValue), server: options.server)
  }
}
