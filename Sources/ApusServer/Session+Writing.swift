// Writes: what is asked is handed to the store's appender, and what it answers comes back through the flight, in the order of
// the requests. A request that is answered at once, because it is refused, waits for its turn like any other.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusWire

extension Session {
  // MARK: PRODUCER

  func openProducer(_ header: FrameHeader, _ body: RawSpan, _ now: UInt64) throws(WireError) {
    let request = try ProducerRequest(decoding: body)
    SessionCounters.add(to: server.counters.others)
    guard let turn = flight.beginWrite(header.id) else { return }
    let (flight, server, scopes, due) = (flight, server, scopes, Self.due(header, now))
    inOrder(turn, due) {
      guard scopes.anywhere.contains(.ingest) else {
        return server.refuse(.forbidden(.ingest, in: nil), turn, flight)
      }
      do throws(StoreError) {
        try server.store.openProducer(request.name) { result in
          switch result {
          case .success(let opening):
            let reply = ProducerReply(
              id: opening.producer, epoch: opening.epoch, lastSequence: opening.lastSequence,
              sourceOffset: opening.sourceOffset)
            flight.finish(turn, server.reply(to: .producer, turn.id) { reply.encode(into: &$0) })
          case .failure(let error): server.refuse(error.refusal(), turn, flight)
          }
        }
      } catch {
        server.refuse(error.refusal(), turn, flight)
      }
    }
  }

  // MARK: ERASE

  func erase(_ header: FrameHeader, _ body: RawSpan, _ now: UInt64) throws(WireError) {
    let request = try EraseRequest(decoding: body)
    SessionCounters.add(to: server.counters.others)
    guard let turn = flight.beginWrite(header.id) else { return }
    let project: String
    do throws(WireRefusal) {
      project = try self.project(request.project, for: .admin, in: server.store.catalog)
    } catch {
      return server.refuse(error, turn, flight)
    }
    let (flight, server, due) = (flight, server, Self.due(header, now))
    let keys = request.keys.map { ErasedKey(name: $0.name, value: $0.value) }
    guard !request.isDryRun else {
      let isTaken = server.tasks.submit {
        if server.isLate(due) { return server.refuse(.deadline, turn, flight) }
        let counter = EraseCounter(server.store, keys, in: project)
        do throws(StoreError) {
          let found = try counter.run()
          let reply = EraseReply(lsn: .none, timeNanoseconds: found.timeNanoseconds, views: found.views)
          flight.finish(turn, server.reply(to: .erase, turn.id) { reply.encode(into: &$0) })
        } catch {
          server.refuse(error.refusal(), turn, flight)
        }
      }
      if !isTaken { server.refuse(.busy, turn, flight) }
      return
    }
    inOrder(turn, due) {
      do throws(StoreError) {
        try server.store.erase(keys, in: project) { result in
          switch result {
          case .success(let frame):
            let reply = EraseReply(
              lsn: frame.lsns.last, timeNanoseconds: frame.time.nanoseconds, views: [])
            flight.finish(turn, server.reply(to: .erase, turn.id) { reply.encode(into: &$0) })
          case .failure(let error): server.refuse(error.refusal(), turn, flight)
          }
        }
      } catch {
        server.refuse(error.refusal(), turn, flight)
      }
    }
  }

  // MARK: Order

  /// Runs what submits a write: at once, or behind this connection's writes that are at the admitter.
  func inOrder(_ turn: Flight.Turn, _ due: UInt64, _ body: @escaping @Sendable () -> Void) {
    guard flight.isAdmitting else { return body() }
    let (flight, server) = (flight, server)
    admit(turn) {
      if server.isLate(due) { return server.refuse(.deadline, turn, flight) }
      body()
    }
  }

  /// Lets the admitter do it, behind all that it was given before.
  func admit(_ turn: Flight.Turn, _ body: @escaping @Sendable () -> Void) {
    let flight = flight
    flight.beginAdmitting()
    let isTaken = server.admitter.submit {
      body()
      flight.endAdmitting()
    }
    if !isTaken {
      flight.endAdmitting()
      server.refuse(.busy, turn, flight)
    }
  }
}

extension SessionServer {
  func isLate(_ due: UInt64) -> Bool { clock.monotonic().nanoseconds > due }

  /// What a write is answered with. Such answers are short: an operator cannot set a limit that they pass.
  func reply(to type: MessageType, _ id: UInt64, _ encode: (inout ByteWriter) -> Void) -> [UInt8] {
    Frames.reply(to: type, id, atMost: ServerLimits.bodyByteCountMax, encode)
  }

  /// Answers a write with a refusal, in its turn.
  func refuse(_ refusal: WireRefusal, _ turn: Flight.Turn, _ flight: Flight) {
    SessionCounters.add(to: counters.refusals)
    flight.finish(turn, Frames.refusal(refusal, turn.id))
  }
}
