// What is asked about the server and what it holds: PING, STATS, DESCRIBE, CONSOLE.

import ApusBytes
import ApusContracts
import ApusStore
import ApusSystem
import ApusWire
import Synchronization

extension Session {
  func ping(_ header: FrameHeader, _ body: RawSpan, _ output: inout ByteWriter) throws(WireError) {
    guard body.byteCount <= PingRequest.byteCountMax else {
      throw .malformed("a PING of \(body.byteCount) bytes", at: PingRequest.byteCountMax)
    }
    SessionCounters.add(to: server.counters.others)
    let frame = FrameWriter.begin(replyTo: .ping, id: header.id, in: &output)
    output.write(server.store.shared.clock.wall().nanoseconds)
    output.write(server.store.visible.rawValue)
    output.write(body)
    frame.finish(in: &output)
  }

  func stats(_ header: FrameHeader, _ body: RawSpan, _ output: inout ByteWriter) throws(WireError) {
    let kind = try StatsRequest(decoding: body)
    SessionCounters.add(to: server.counters.others)
    do throws(WireRefusal) { try require(.read, in: nil) } catch {
      return refuse(error, header.id, &output)
    }
    let entries =
      switch kind {
      case .server: server.stats
      case .store: server.storeStats
      case .connections: server.connections()
      }
    reply(to: .stats, header.id, &output) { StatsReply(entries).encode(into: &$0) }
  }

  func describe(
    _ header: FrameHeader, _ body: RawSpan, due: UInt64, _ output: inout ByteWriter
  ) throws(WireError) {
    let request = try DescribeRequest(decoding: body)
    SessionCounters.add(to: server.counters.others)
    let project: String
    do throws(WireRefusal) {
      project = try self.project(request.project, for: .read, in: server.store.catalog)
    } catch {
      return refuse(error, header.id, &output)
    }
    var words = ["describe"]
    if !request.name.isEmpty { words.append(request.name) }
    words += ["--project", project, "--json"]
    let (id, port, server, scopes, line) = (header.id, port, server, scopes, words)
    let isTaken = server.tasks.submit {
      let answer: ConsoleAnswer?
      if server.clock.monotonic().nanoseconds > due {
        answer = nil
      } else {
        answer = server.console.run(words: line, files: [], scopes: scopes)
      }
      port.run { session, output, now in session.described(id, request, answer, &output, now) }
    }
    guard isTaken else { return refuse(.busy, id, &output) }
    isReadWaiting = true
    _ = flight.begin(id)
  }

  private static func refusal(of request: DescribeRequest, _ trouble: ConsoleTrouble?) -> WireRefusal {
    let code: WireCode =
      switch trouble?.name {
      case "unknown_name", "unknown_project", "which_project": .unknownName
      case "forbidden": .forbidden
      default: .internal
      }
    return WireRefusal(
      code, trouble?.what ?? "it cannot be described",
      next: trouble?.next ?? "describe without a name lists what there is",
      details: request.name.isEmpty ? [] : [WireRefusal.Detail("name", request.name)])
  }

  private func described(
    _ id: UInt64, _ request: DescribeRequest, _ answer: ConsoleAnswer?, _ output: inout ByteWriter,
    _ now: UInt64
  ) -> ConnectionAction {
    if state == .over { return .close }
    switch answer {
    case .none: refuse(.deadline, id, &output)
    case .some(let answer) where answer.exit != 0:
      refuse(Self.refusal(of: request, answer.trouble), id, &output)
    case .some(let answer):
      reply(to: .describe, id, &output) {
        DescribeReply(json: answer.out).encode(into: &$0)
      }
    }
    return readsGoOn(after: id, &output, now)
  }

  func console(_ header: FrameHeader, _ body: RawSpan, _ now: UInt64) throws(WireError) {
    let request = try ConsoleRequest(decoding: body)
    SessionCounters.add(to: server.counters.others)
    let files = request.files.map { ConsoleFile(path: $0.path, content: $0.content) }
    let (server, scopes) = (server, scopes)
    run(.console, header, now) { () throws(WireRefusal) in
      let answer = server.console.run(words: request.words, files: files, scopes: scopes)
      return { output in
        ConsoleReply(exitCode: answer.exit, output: answer.out, errors: answer.err).encode(into: &output)
      }
    }
  }

  typealias Encode = (inout ByteWriter) -> Void

  /// Lets a worker do what a request without order asks, and sends what comes of it. Nothing is done for a connection that is gone.
  func run(
    _ type: MessageType, _ header: FrameHeader, _ now: UInt64, on worker: Worker? = nil,
    _ body: @escaping @Sendable () throws(WireRefusal) -> Encode
  ) {
    let (id, due, flight, server) = (header.id, Self.due(header, now), flight, server)
    let least = Int(clamping: compressFrom)
    _ = flight.begin(id)
    let isTaken = (worker ?? server.tasks).submit {
      if flight.isAbandoned { return flight.finish(id) }
      if server.clock.monotonic().nanoseconds > due {
        return flight.finish(id, Frames.refusal(.deadline, id))
      }
      do throws(WireRefusal) {
        let encode = try body()
        flight.finish(
          id,
          Frames.reply(
            to: type, id, atMost: server.options.bodyByteCountMax, compressedFrom: least, encode))
      } catch {
        SessionCounters.add(to: server.counters.refusals)
        flight.finish(id, Frames.refusal(error, id))
      }
    }
    if !isTaken { flight.finish(id, Frames.refusal(.busy, id)) }
  }
}

extension SessionServer {
  fileprivate var stats: Stats {
    func count(_ name: String, _ number: Int) -> (name: String, value: StatsReply.Entry) {
      (name, .int64(Int64(number)))
    }
    return [
      ("server", .text(options.server)),
      count("sessions", counters.sessions.load(ordering: .relaxed)),
      count("gets", counters.gets.load(ordering: .relaxed)),
      count("get_rows", counters.getRows.load(ordering: .relaxed)),
      count("pushes", counters.pushes.load(ordering: .relaxed)),
      count("pushed_rows", counters.pushedRows.load(ordering: .relaxed)),
      count("other_requests", counters.others.load(ordering: .relaxed)),
      count("refusals", counters.refusals.load(ordering: .relaxed)),
      count("wrong_tokens", counters.wrongTokens.load(ordering: .relaxed)),
    ]
  }

  fileprivate var storeStats: Stats {
    let (statistics, health, catalog) = (store.statistics, store.health, store.catalog)
    func lsn(_ name: String, _ lsn: LSN) -> (name: String, value: StatsReply.Entry) {
      (name, .int64(Int64(bitPattern: lsn.rawValue)))
    }
    func count(_ name: String, _ number: Int) -> (name: String, value: StatsReply.Entry) {
      (name, .int64(Int64(number)))
    }
    func clamped(_ number: UInt64) -> Int { Int(clamping: number) }
    return [
      lsn("visible", statistics.overlay.visible), lsn("durable", statistics.durable),
      count("overlay_bytes", statistics.overlay.byteCount),
      count("overlay_generations", statistics.overlay.generationCount),
      count("readers", statistics.overlay.readerCount),
      count("lookup_bytes", statistics.lookupByteCount),
      count("index_rebuilds", statistics.rebuilds),
      ("catalog", .int64(Int64(bitPattern: catalog.number))),
      count("projects", catalog.registry.projects.count), count("views", catalog.registry.views.count),
      count("services", catalog.registry.services.count),
      count("packs", statistics.compaction.packs), count("merges", statistics.compaction.merges),
      count("runs", statistics.history.runs), count("ledgers", statistics.history.ledgers),
      count("history_bytes", clamped(statistics.history.runByteCount &+ statistics.history.ledgerByteCount)),
      count("compaction_debt_bytes", clamped(statistics.history.debtByteCount)),
      ("write_amplification", .float64(statistics.compaction.writeAmplification)),
      ("compaction_trouble", .text(statistics.compactionTrouble.map { "\($0)" } ?? "")),
      ("trouble", .text(statistics.trouble.map { "\($0)" } ?? "")),
      ("lost", .text(health.losses.map(\.description).joined(separator: ", "))),
      ("held_lost", .text(store.heldLosses.map(\.description).joined(separator: ", "))),
      ("stopped", .int64(health.hasStopped ? 1 : 0)),
      ("rebuilding", .int64(store.isRebuilding ? 1 : 0)),
    ]
  }
}
