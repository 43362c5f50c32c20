// Handles: a number of this connection for a vector of the loop. A handle that has changed stays, and answers so, until it is
// released: a number that came back for another vector would answer late requests wrongly.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusWire

extension Session {
  func prepare(
    _ header: FrameHeader, _ body: RawSpan, due: UInt64, _ output: inout ByteWriter
  ) throws(WireError) {
    let request = try PrepareRequest(decoding: body)
    SessionCounters.add(to: server.counters.others)
    do throws(WireRefusal) {
      if let lsn = request.lsn { return try prepare(request, asOf: lsn, header.id, due) }
      let reply = try prepared(request)
      let isSent = self.reply(to: .prepare, header.id, &output) { reply.encode(into: &$0) }
      // Nobody knows its handle.
      if !isSent, let ready = handles.removeValue(forKey: reply.handle) { loop.release(ready) }
    } catch {
      refuse(error, header.id, &output)
    }
  }

  /// Definitions of then are asked of the appender, which a loop does not wait for.
  private func prepare(
    _ request: PrepareRequest, asOf lsn: LSN, _ id: UInt64, _ due: UInt64
  ) throws(WireRefusal) {
    let project = try project(request.project, for: .read, in: server.store.catalog)
    let (port, server, flight) = (port, server, flight)
    let isTaken = server.past.submit {
      if flight.isAbandoned { return flight.finish(id) }
      var then: Result<Catalog, WireRefusal> = .failure(.deadline)
      if server.clock.monotonic().nanoseconds <= due {
        do throws(StoreError) {
          let catalog = try server.store.catalog(asOf: lsn)
          try catalog.check(has: project, at: lsn)
          then = .success(catalog)
        } catch {
          then = .failure(error.refusal())
        }
      }
      let sent = then
      port.run { session, output, now in session.understood(request, sent, id, &output, now) }
    }
    guard isTaken else { throw .busy }
    isReadWaiting = true
    _ = flight.begin(id)
  }

  private func understood(
    _ request: PrepareRequest, _ then: Result<Catalog, WireRefusal>, _ id: UInt64,
    _ output: inout ByteWriter, _ now: UInt64
  ) -> ConnectionAction {
    if state == .over { return .close }
    do throws(WireRefusal) {
      let reply = try prepared(request, then: then.get())
      self.reply(to: .prepare, id, &output) { reply.encode(into: &$0) }
    } catch {
      refuse(error, id, &output)
    }
    return readsGoOn(after: id, &output, now)
  }

  private func prepared(
    _ request: PrepareRequest, then: Catalog? = nil
  ) throws(WireRefusal) -> PrepareReply {
    guard handles.count < SessionLimits.handlesMax else {
      throw .tooManyHandles(max: SessionLimits.handlesMax)
    }
    let catalog = server.store.catalog
    _ = try project(request.project, for: .read, in: catalog)
    let name: ReadyVector.Name
    switch request {
    case .service(let service, let project):
      guard VersionedName(spelling: service) != nil || AnswerReceipt.fingerprint(ofName: service) != nil
      else { throw .badName(service) }
      name = ReadyVector.Name(project: project, isService: true, names: [service])
    case .features(let features, let project):
      guard features.count <= SessionLimits.columnsMax else {
        throw .tooManyColumns(features.count, max: SessionLimits.columnsMax)
      }
      name = ReadyVector.Name(project: project, isService: false, names: features)
    }
    let ready = try loop.vector(name, in: catalog, then: then)
    guard ready.shape.columns.count <= SessionLimits.columnsMax else {
      throw .tooManyColumns(ready.shape.columns.count, max: SessionLimits.columnsMax)
    }
    loop.use(ready)
    repeat { lastHandle &+= 1 } while lastHandle == 0 || handles[lastHandle] != nil
    handles[lastHandle] = ready
    return Self.reply(lastHandle, ready, in: then ?? catalog)
  }

  private static func reply(_ handle: UInt32, _ ready: ReadyVector, in catalog: Catalog) -> PrepareReply {
    let vector = ready.vector
    let registry = catalog.registry
    let roles = vector.roles.map { role in
      let entity = registry[role.entity]?.name ?? ""
      return PrepareReply.Role(
        entity: entity, name: role.name == entity ? "" : role.name,
        parts: role.keys.map { PrepareReply.Part(name: $0.requested, type: $0.key.type) })
    }
    let columns = vector.columns.map { column in
      let view = vector.groups[column.group].view
      let feature = registry[view]?.features[Int(column.feature)].definition.name ?? ""
      return PrepareReply.Column(
        name: column.name, type: column.type, feature: "\(column.view):\(feature)",
        hasDefault: column.filling != nil,
        ttlNanoseconds: catalog[view]?.ttlNanoseconds.map { UInt64(clamping: $0) })
    }
    return PrepareReply(handle: handle, fingerprint: ready.fingerprint, roles: roles, columns: columns)
  }

  func release(_ header: FrameHeader, _ body: RawSpan, _ output: inout ByteWriter) throws(WireError) {
    let handle = try ReleaseRequest(decoding: body).handle
    SessionCounters.add(to: server.counters.others)
    guard let ready = handles.removeValue(forKey: handle) else {
      return refuse(.unknownHandle(handle), header.id, &output)
    }
    loop.release(ready)
    Frames.write(replyTo: .release, header.id, into: &output) { _ in }
  }
}
