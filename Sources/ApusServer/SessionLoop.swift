// What the sessions of one loop share, and nobody else touches: the right to read, the vectors that are prepared, and the
// memory that requests are put together in.

import ApusBytes
import ApusContracts
import ApusStore
import ApusWire

/// Owned by its loop's thread.
package final class SessionLoop: LoopService {
  let server: SessionServer
  var reader: StoreReader?
  var replies = GetReplyWriter()
  /// GETs that are answered together; nothing between two calls.
  var together: [TogetherGet] = []
  var codec = BodyCodec()
  private var vectors: [ReadyVector.Name: ReadyVector] = [:]
  /// Kept from push to push.
  var batch: Batch?

  package init(_ server: SessionServer) {
    self.server = server
    together.reserveCapacity(SessionLimits.togetherMax)
  }

  package func handler(
    of peer: ConnectionPeer, mailbox: ConnectionMailbox, now: UInt64
  ) -> any FrameHandler { Session(self, mailbox) }

  /// Takes the loop's right to read, if it has none yet.
  func makeReader() throws(StoreError) {
    if reader == nil { reader = try server.store.reader() }
  }

  // MARK: Vectors

  /// What is prepared under this name, as the newest catalog has it. `then`: as the names were understood at their LSN.
  func vector(
    _ name: ReadyVector.Name, in catalog: Catalog, then: Catalog? = nil
  ) throws(WireRefusal) -> ReadyVector {
    if let known = vectors[name] {
      refresh(known, in: catalog)
      if !known.hasChanged { return known }
      vectors[name] = nil
    }
    let project = try server.project(name.project, in: catalog)
    let ready: ReadyVector
    do throws(StoreError) {
      let vector =
        if let then {
          try then.pastVector(features: name.names.dropLast(), in: project)
        } else {
          try Self.prepare(name, project, in: catalog)
        }
      ready = ReadyVector(name, project: project, vector, in: catalog, then: then)
    } catch {
      throw error.refusal(next: Suggestions.next(error, in: then ?? catalog))
    }
    return ready
  }

  /// A handle names it from now on.
  func use(_ ready: ReadyVector) {
    ready.useCount += 1
    vectors[ready.name] = ready
  }

  /// A handle names it no longer.
  func release(_ ready: ReadyVector) {
    ready.useCount -= 1
    if ready.useCount == 0, vectors[ready.name] === ready { vectors[ready.name] = nil }
  }

  /// Looks whether the vector still means the same; to be called when the catalog is another.
  func refresh(_ ready: ReadyVector, in catalog: Catalog) {
    guard !ready.hasChanged, ready.catalogNumber != catalog.number else { return }
    if ready.isOfThePast {
      ready.catalogNumber = catalog.number
      return
    }
    guard let now = try? Self.prepare(ready.name, ready.project, in: catalog),
      Meaning(of: now, in: catalog) == ready.meaning, now.fingerprint == ready.vector.fingerprint
    else {
      ready.hasChanged = true
      return
    }
    ready.retired = now.retired
    ready.catalogNumber = catalog.number
  }

  /// Also what is retired: whoever serves looks.
  private static func prepare(
    _ name: ReadyVector.Name, _ project: String, in catalog: Catalog
  ) throws(StoreError) -> PreparedVector {
    guard name.isService else { return try catalog.pastVector(features: name.names, in: project) }
    let spelling = name.names.first ?? ""
    let fingerprint = AnswerReceipt.fingerprint(ofName: spelling)
    let named = fingerprint.flatMap { catalog.service(fingerprint: $0, in: project) }
    guard let service = named ?? VersionedName(spelling: spelling) else {
      throw .unknownService(VersionedName(name: spelling), project: project)
    }
    return try catalog.pastVector(service: service, in: project)
  }
}
