// `apus serve`: the rooms are put together, from the bottom up, and taken apart in the other order. The main thread starts
// everything, then waits for signals, and once a second has the tokens read again; it serves nobody itself.
//
// The end, in this order: no more connections and requests, answers to what is under way, the workers, the store with its
// checkpoint, the log's last line. Another thread goes through it, so that a second signal is heard at any moment of it.

import ApusBytes
import ApusExport
import ApusLog
import ApusServer
import ApusStore
import ApusSystem
import ApusWire

enum Serve {
  private static let lookMilliseconds: Int32 = 1_000
  /// While it ends: how soon the end is noticed.
  private static let endMilliseconds: Int32 = 20

  static func run(_ given: GivenSettings, _ output: Output) throws(Trouble) -> ExitCode {
    let effective = try given.effective()
    let configuration = try effective.checked()
    let logger = Logger(level: configuration.logLevel, format: configuration.logFormat)
    // Before any thread: what a thread does not block would end the process.
    let mail = try asking { () throws(SystemError) in try SignalMail() }
    try asking { () throws(SystemError) in try logger.start() }
    defer { logger.close() }
    effective.warnings.forEach { logger.log(.warn, "setting not read", [("why", .text($0))]) }
    raiseLimits(configuration, logger)

    let store = try open(configuration, logger)
    let running: Running
    do throws(Trouble) { running = try start(store, configuration, logger) } catch {
      // Nothing was served, so there is nothing to tell but what is thrown.
      try? store.close()
      throw error
    }
    return try wait(running, store, mail, configuration, logger)
  }

  private static func asking<T: ~Copyable>(_ body: () throws(SystemError) -> T) throws(Trouble) -> T {
    do throws(SystemError) { return try body() } catch { throw Trouble(starting: error) }
  }

  // MARK: The beginning

  private static func raiseLimits(_ configuration: Configuration, _ logger: Logger) {
    // The store's files, the loops' own, and some to spare.
    let wanted = UInt64(configuration.connectionsMax + 512)
    do throws(SystemError) {
      var limit = try OpenFilesLimit.current().now
      if limit < wanted { limit = try OpenFilesLimit.set(wanted) }
      if limit < wanted {
        logger.log(
          .warn, "fewer connections than max_connections",
          [
            ("descriptors", .number(limit)), ("wanted", .number(wanted)),
            ("next", "raise LimitNOFILE or ulimit -n, or lower max_connections"),
          ])
      }
    } catch {
      logger.log(.warn, "the limit of descriptors is not known", [("why", .text("\(error)"))])
    }
  }

  private static func open(_ configuration: Configuration, _ logger: Logger) throws(Trouble) -> Store {
    let clock = SystemClock()
    let begin = clock.monotonic().nanoseconds
    var random = SystemRandomNumberGenerator()
    let store: Store
    do throws(StoreError) {
      store = try Store.open(configuration.data, random: &random, options: configuration.storeOptions) {
        error in
        logger.log(
          .error, "nothing is written any more",
          [
            ("why", .text("\(error)")),
            ("next", "look at the disk, then restart; what was acknowledged is safe"),
          ])
      } onIndex: { news in
        logger.log(news, data: configuration.data)
      }
    } catch {
      throw Trouble(error, data: configuration.data)
    }
    let report = store.report
    logger.log(
      .info, "store is open",
      [
        ("folder", .text(configuration.data)), ("store", .text("\(report.log.storeID)")),
        ("lsn", .number(report.log.lsns.last.rawValue)), ("replayed", .number(report.replayed)),
        ("milliseconds", .number((clock.monotonic().nanoseconds - begin) / 1_000_000)),
      ])
    logger.log(lossesOf: store, data: configuration.data)
    return store
  }

  private struct Running: Sendable {
    let server: Server
    let gate: TokenGate?
    /// How it ended, once it has.
    let ending: Monitor<Result<Void, Trouble>?>
  }

  private static func start(
    _ store: Store, _ configuration: Configuration, _ logger: Logger
  ) throws(Trouble) -> Running {
    let gate = configuration.usesTokens ? try gate(configuration, logger) : nil
    let counted = Monitor<Server?>(nil)
    let sessions: SessionServer
    do throws(SystemError) {
      sessions = try SessionServer(
        store, options: configuration.sessionOptions, tokens: gate,
        console: Console(outputByteCountMax: configuration.frameByteCountMax - 4_096, store: store),
        zones: { try? LabelZone(named: $0) }
      ) { ServeCounts.entries(counted.withLock { $0 }) }
    } catch {
      throw Trouble(starting: error)
    }
    let server: Server
    do throws(SystemError) {
      server = try Server.start(
        at: configuration.addresses, loops: configuration.loopCount(cores: SystemProcess.coreCount),
        limits: configuration.transportLimits, service: sessions)
    } catch {
      sessions.close()
      throw Trouble(listening: error)
    }
    counted.withLock { $0 = server }
    for address in server.addresses { logger.log(.info, "listening", [("address", .text("\(address)"))]) }

    let ending = Monitor<Result<Void, Trouble>?>(nil)
    @Sendable func end() {
      var result: Result<Void, Trouble> = .success(())
      do throws(SystemError) { try server.join() } catch { result = .failure(Trouble(loop: error)) }
      // It holds what holds the sessions.
      counted.withLock { $0 = nil }
      sessions.close()
      do throws(StoreError) { try store.close() } catch {
        if case .success = result { result = .failure(Trouble(error, data: store.folder)) }
      }
      ending.withLock { [result] in $0 = result }
      ending.notifyAll()
    }
    do throws(SystemError) { _ = try SystemThread.start(name: "apus-end") { end() } } catch {
      server.stop(drainNanoseconds: 0)
      try? server.join()
      sessions.close()
      throw Trouble(starting: error)
    }
    return Running(server: server, gate: gate, ending: ending)
  }

  private static func gate(_ configuration: Configuration, _ logger: Logger) throws(Trouble) -> TokenGate {
    let gate: TokenGate
    do throws(TokenFileError) {
      gate = try TokenGate(TokenFile(inFolder: configuration.data)) { event in
        switch event {
        case .reread(let tokens): logger.log(.info, "tokens were read again", [("tokens", .number(tokens))])
        case .failed(let error):
          logger.log(
            .error, "the tokens cannot be read, and stay as they were",
            [("why", .text(Trouble(error).what))])
        }
      }
    } catch {
      throw Trouble(error)
    }
    if gate.tokenCount == 0 {
      logger.log(
        .warn, "tokens are on, and there is none: nobody can come in",
        [("next", .text("apus token create NAME --scope read --data \(Shell.word(configuration.data))"))])
    }
    return gate
  }

  // MARK: The day

  private static func wait(
    _ running: Running, _ store: Store, _ mail: borrowing SignalMail, _ configuration: Configuration,
    _ logger: Logger
  ) throws(Trouble) -> ExitCode {
    var isStopping = false
    var compaction = CompactionWatch()
    while true {
      var signal = try asking { () throws(SystemError) in try mail.next() }
      if signal == nil {
        // Signals first: whoever sends a second one wants no further waiting.
        if let ending = running.ending.withLock({ $0 }) {
          try ending.get()
          logger.log(.info, "stopped")
          return .done
        }
        signal = try asking { () throws(SystemError) in
          try mail.wait(milliseconds: isStopping ? endMilliseconds : lookMilliseconds)
        }
      }
      switch signal {
      case nil:
        if !isStopping {
          running.gate?.reread()
          if let line = compaction.look(store.compactionTrouble) {
            logger.log(line.level, line.message, line.fields)
          }
        }
      case .hangUp:
        logger.log(.info, "tokens are read again, as asked")
        running.gate?.reread()
      case .interrupt, .terminate:
        if isStopping {
          // What was acknowledged is on disk; the next start replays what the index does not have.
          logger.log(.warn, "ended at once, by a second signal")
          logger.close()
          SystemProcess.exit(ExitCode.failed.rawValue)
        }
        isStopping = true
        logger.log(
          .info, "stopping", [("drain_seconds", .number(configuration.drainNanoseconds / 1_000_000_000))])
        running.server.stop(drainNanoseconds: configuration.drainNanoseconds)
      }
    }
  }
}

extension Trouble {
  /// What the kernel refused before anything was served.
  init(starting error: SystemError) {
    self.init(
      "system", "the server cannot start: \(error.call) says \(error.errno)", at: error.subject,
      next: "look at the limits of threads and descriptors: `ulimit -a`")
  }

  /// Why a server cannot listen.
  init(listening error: SystemError) {
    let what: String
    let next: String
    switch error.errno {
    case .addressInUse:
      what = "this address is in use by another program"
      next = "end that program (`ss -ltnp` shows it), or take another address: --listen 127.0.0.1:PORT"
    case .accessDenied:
      what = "this address is not for this user"
      next = "take a port from 1024 on, or a folder for the Unix socket that this user may write in"
    case .addressNotAvailable:
      what = "this machine has no such address"
      next = "take one that `ip address` shows, or 127.0.0.1"
    case .tooManyOpenFiles:
      what = "there are no descriptors left to listen with"
      next = "raise LimitNOFILE or ulimit -n"
    default:
      what = "it cannot listen: \(error.call) says \(error.errno)"
      next = "see `apus config show`; the address is the setting `listen` or `unix_socket`"
    }
    self.init("cannot_listen", what, at: error.subject, next: next)
  }

  init(loop error: SystemError) {
    self.init(
      "loop_failed", "the kernel refused a loop what it needs: \(error.call) says \(error.errno)",
      at: error.subject,
      next: "look at the limits of descriptors and memory, then start again; what was acknowledged is safe")
  }
}

/// What a server's loops have counted, for STATS.
enum ServeCounts {
  static func entries(_ server: Server?) -> SessionServer.Stats {
    guard let server else { return [] }
    let sum = server.sum
    let figures: [(String, UInt64)] = [
      ("connections", UInt64(sum.open)), ("accepted", sum.accepted), ("refused", sum.refused),
      ("frames", sum.frames), ("bytes_received", sum.bytesReceived), ("bytes_sent", sum.bytesSent),
      ("buffer_bytes", UInt64(sum.memoryByteCount)), ("ended_hello_late", sum.ended(.helloLate)),
      ("ended_idle", sum.ended(.idle)), ("ended_slow_reader", sum.ended(.slowReader)),
      ("ended_slow_sender", sum.ended(.slowSender)), ("ended_memory", sum.ended(.memory)),
    ]
    return figures.map { ($0.0, .int64(Int64(clamping: $0.1))) }
  }
}
