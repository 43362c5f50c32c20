// PUSH and DELETE: rows are admitted by this thread when they are few, and by the admitter when they are many, so that a loop
// never stalls; then they are the appender's. While a connection has writes at the admitter, those behind them go there too.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusWire

extension Session {
  func push(
    _ type: MessageType, _ header: FrameHeader, _ body: RawSpan, _ now: UInt64
  ) throws(WireError) {
    let request = try PushRequest(decoding: body, isDelete: type == .delete)
    SessionCounters.add(to: server.counters.pushes)
    SessionCounters.add(request.rows.count, to: server.counters.pushedRows)
    guard let turn = flight.beginWrite(header.id) else { return }
    let catalog = server.store.catalog
    let project: String
    do throws(WireRefusal) {
      guard request.rows.count <= server.options.rowsMax else {
        throw .tooManyRows(request.rows.count, max: server.options.rowsMax)
      }
      project = try self.project(request.head.project, for: .ingest, in: catalog)
    } catch {
      return server.refuse(error, turn, flight)
    }
    let write = Write(type: type, turn: turn, project: project, due: Self.due(header, now))
    let isSmall =
      request.rows.count <= SessionLimits.rowsOnLoopMax
      && body.byteCount <= SessionLimits.byteCountOnLoopMax
    if isSmall, !flight.isAdmitting {
      try admit(write, request, catalog)
    } else {
      admitElsewhere(write, body.copied())
    }
  }

  /// What is known of a write besides its rows.
  struct Write: Sendable {
    let type: MessageType
    let turn: Flight.Turn
    let project: String
    let due: UInt64
  }

  private func admit(
    _ write: Write, _ request: borrowing PushRequest, _ catalog: Catalog
  ) throws(WireError) {
    var batch =
      loop.batch.take() ?? Batch(catalog, now: WallTime(nanoseconds: 0), choice: .live, policy: .setAside)
    let result: Result<Void, PushFailure>
    do throws(PushFailure) {
      result = .success(try server.push(write, request, catalog, &batch, flight))
    } catch {
      result = .failure(error)
    }
    loop.batch = consume batch
    switch result {
    case .success: break
    case .failure(.refused(let refusal)): server.refuse(refusal, write.turn, flight)
    case .failure(.malformed(let error)): throw error
    }
  }

  private func admitElsewhere(_ write: Write, _ body: [UInt8]) {
    let (server, flight, port) = (server, flight, port)
    admit(write.turn) {
      if server.isLate(write.due) { return server.refuse(.deadline, write.turn, flight) }
      let catalog = server.store.catalog
      var batch = Batch(catalog, now: WallTime(nanoseconds: 0), choice: .live, policy: .setAside)
      do throws(PushFailure) {
        let request: PushRequest
        do throws(WireError) {
          request = try PushRequest(decoding: unsafe body.span.bytes, isDelete: write.type == .delete)
        } catch {
          throw .malformed(error)
        }
        try server.push(write, request, catalog, &batch, flight)
      } catch {
        switch error {
        case .refused(let refusal): server.refuse(refusal, write.turn, flight)
        case .malformed(let error):
          port.run { session, output, _ in session.end(WireRefusal(error), write.turn.id, &output) }
        }
      }
    }
  }
}

/// Why a push ends before the appender has it.
enum PushFailure: Error {
  case refused(WireRefusal)
  case malformed(WireError)
}

extension SessionServer {
  /// Admits the rows and submits them; the answer comes through the flight unless this throws.
  func push(
    _ write: Session.Write, _ request: borrowing PushRequest, _ catalog: Catalog, _ batch: inout Batch,
    _ flight: Flight
  ) throws(PushFailure) {
    let head = request.head
    let admitted: AdmittedBatch
    do throws(PushStop) {
      admitted = try admit(write, request, catalog, &batch)
    } catch {
      switch error {
      case .store(let error): throw .refused(error.refusal(next: Suggestions.next(error, in: catalog)))
      case .wire(let error): throw .malformed(error)
      }
    }
    let ticket = head.producer.map {
      ProducerTicket(
        producer: $0.id, epoch: $0.epoch, sequence: $0.sequence, digest: admitted.digest,
        sourceOffset: $0.sourceOffset)
    }
    let (type, turn) = (write.type, write.turn)
    do throws(StoreError) {
      try store.submit(admitted, ticket) { [self] result in
        switch result {
        case .success(let answer):
          flight.finish(turn, reply(to: type, turn.id) { PushReply(answer).encode(into: &$0) })
        case .failure(let error): refuse(error.refusal(), turn, flight)
        }
      }
    } catch {
      throw .refused(error.refusal())
    }
  }

  private func admit(
    _ write: Session.Write, _ request: borrowing PushRequest, _ catalog: Catalog, _ batch: inout Batch
  ) throws(PushStop) -> AdmittedBatch {
    let head = request.head
    let isDelete = write.type == .delete
    let view: CatalogView
    do throws(StoreError) {
      guard let name = VersionedName(spelling: head.view), let found = catalog.view(name, in: write.project)
      else {
        throw .unknownView(
          VersionedName(spelling: head.view) ?? VersionedName(name: head.view), project: write.project)
      }
      view = found
      batch.removeAll(
        catalog, now: store.shared.clock.wall(), choice: head.choice,
        policy: head.policy == .setAside ? .setAside : .allOrNothing, isNumbered: head.producer != nil)
      try batch.turn(to: view, columns: isDelete ? nil : head.columns, asked: head.view)
    } catch {
      throw .store(error)
    }
    try Self.add(request.rows, head.columns, view, isDelete, to: &batch)
    do throws(StoreError) { return try batch.admitted() } catch { throw .store(error) }
  }

  private static func add(
    _ rows: borrowing RowsView, _ columns: [String], _ view: CatalogView, _ isDelete: Bool,
    to batch: inout Batch
  ) throws(PushStop) {
    let known = rows.columnTypes
    let types = columns.enumerated().map { place, name in
      view.contract.features.first { $0.name == name }?.type ?? known[place]
    }
    var keys = rows.keys
    var inputs: [FeatureInput] = []
    inputs.reserveCapacity(columns.count)
    for row in 0..<rows.count {
      let key: RawSpan
      inputs.removeAll(keepingCapacity: true)
      do throws(WireError) {
        key = try keys.next()
        for column in columns.indices { inputs.append(try rows.input(row, column, as: types[column])) }
      } catch {
        throw .wire(error)
      }
      do throws(KeyError) {
        if isDelete {
          batch.delete(key: try view.keySchema.decode(key), rows.times(row))
        } else {
          try view.keySchema.check(key)
          batch.upsert(encodedKey: key, rows.times(row), inputs)
        }
      } catch {
        // Bytes that are no key stand for nobody, so there is nothing that a dead letter could keep.
        throw .store(.badKey(row: row, role: "", error))
      }
    }
  }
}

/// What ends an admission.
private enum PushStop: Error {
  case store(StoreError)
  case wire(WireError)
}

extension PushReply {
  init(_ answer: AppendAnswer) {
    self.init(
      first: answer.frame.lsns.first, last: answer.frame.lsns.last, durable: answer.durable,
      timeNanoseconds: answer.frame.time.nanoseconds, accepted: UInt32(clamping: answer.counts.accepted),
      setAside: UInt32(clamping: answer.counts.setAside), erased: UInt32(clamping: answer.counts.erased),
      setBack: UInt32(clamping: answer.counts.setBack), isRepeated: answer.isRepeated,
      tallies: answer.refused.map {
        Tally(
          view: $0.view, rule: $0.rule, count: UInt32(clamping: $0.count),
          firstRow: UInt32(clamping: $0.firstRow), words: $0.words)
      })
  }
}
