// The small questions: what the server is, where its log stands, what is defined, how it does; and a line for its console.

import ApusBytes
import ApusSystem
import ApusWire

/// Who is at the other end, as it said when a connection was made.
public struct ServerGreeting: Equatable, Sendable {
  public enum Scope: String, Sendable { case read, ingest, admin }

  public let server: String
  /// 16 bytes.
  public let storeID: [UInt8]
  /// LSNs are comparable within one: 16 bytes.
  public let timeline: [UInt8]
  /// Acknowledged rows are on disk, not only on their way there.
  public let isDurable: Bool
  public let scopes: Set<Scope>
  /// Keys of one question, rows of one push.
  public let rowsMax: Int
}

public struct Pong: Equatable, Sendable {
  public let roundTrip: Duration
  public let serverClockNanoseconds: Int64
  /// Up to here the server shows what was written.
  public let visible: ApusClient.LSN
}

public struct LogProgress: Equatable, Sendable {
  public let visible: ApusClient.LSN
  public let durable: ApusClient.LSN
}

public struct Statistic: Equatable, Sendable {
  public enum Value: Equatable, Sendable {
    case number(Int64)
    case fraction(Double)
    case text(String)
  }

  public let name: String
  public let value: Value
}

/// What a command printed.
public struct ConsoleOutput: Equatable, Sendable {
  public let exitCode: Int
  public let output: String
  public let errors: String
}

extension ApusClient {
  public enum LogPoint: Sendable { case visible, durable }
  public enum StatisticsKind: Sendable { case server, store, connections }

  public func greeting(timeout: Duration? = nil) async throws(ClientError) -> ServerGreeting {
    let deadline = deadline(timeout)
    let hello = try await attempt(isRepeatable: true, deadline: deadline) { connection throws(ClientError) in
      connection.hello
    }
    var scopes: Set<ServerGreeting.Scope> = []
    if hello.scopes.contains(.read) { scopes.insert(.read) }
    if hello.scopes.contains(.ingest) { scopes.insert(.ingest) }
    if hello.scopes.contains(.admin) { scopes.insert(.admin) }
    return ServerGreeting(
      server: hello.server, storeID: hello.storeID, timeline: hello.timeline,
      isDurable: hello.durability == .durable, scopes: scopes, rowsMax: Int(clamping: hello.rowsMax))
  }

  public func ping(timeout: Duration? = nil) async throws(ClientError) -> Pong {
    let start = clock.monotonic().nanoseconds
    let reply = try await read(.ping, timeout: timeout) {
      PingRequest().encode(into: &$0)
    } _: { (body) throws(WireError) in
      try PingReply(decoding: body)
    }
    return Pong(
      roundTrip: .nanoseconds(Int64(clamping: clock.monotonic().nanoseconds &- start)),
      serverClockNanoseconds: reply.clockNanoseconds, visible: LSN(reply.visible))
  }

  /// Returns once everything up to an LSN can be read, or is on disk. Throws `notYet` or `deadlinePassed` when that takes too long.
  @discardableResult
  public func wait(
    for lsn: LSN, until point: LogPoint = .visible, timeout: Duration? = nil
  ) async throws(ClientError) -> LogProgress {
    let reply = try await read(.wait, timeout: timeout) {
      WaitRequest(lsn.wire, point == .visible ? .visible : .durable).encode(into: &$0)
    } _: { (body) throws(WireError) in
      try WaitReply(decoding: body)
    }
    return LogProgress(visible: LSN(reply.visible), durable: LSN(reply.durable))
  }

  /// What is defined, as the JSON of `apus describe --json`.
  ///
  /// `name`: of a view or a service; empty: everything.
  public func describe(
    _ name: String = "", project: String = "", timeout: Duration? = nil
  ) async throws(ClientError) -> String {
    try await read(.describe, timeout: timeout) {
      DescribeRequest(project: project, name: name).encode(into: &$0)
    } _: { (body) throws(WireError) in
      try DescribeReply(decoding: body).json
    }
  }

  public func statistics(
    _ kind: StatisticsKind = .server, timeout: Duration? = nil
  ) async throws(ClientError) -> [Statistic] {
    let request: StatsRequest =
      switch kind {
      case .server: .server
      case .store: .store
      case .connections: .connections
      }
    return try await read(.stats, timeout: timeout) {
      request.encode(into: &$0)
    } _: { (body) throws(WireError) in
      try StatsReply(decoding: body).entries.map { name, value in
        switch value {
        case .int64(let number): Statistic(name: name, value: .number(number))
        case .float64(let number): Statistic(name: name, value: .fraction(number))
        case .text(let text): Statistic(name: name, value: .text(text))
        }
      }
    }
  }

  /// Runs a command line of `apus` where the data is.
  ///
  /// `files`: what the words name, by the path as it is written there.
  public func console(
    _ words: [String], files: [(path: String, content: String)] = [], timeout: Duration? = nil
  ) async throws(ClientError) -> ConsoleOutput {
    guard words.count <= Int(UInt16.max), files.count <= Int(UInt16.max) else {
      throw ClientError(.badInput, "no more than \(UInt16.max) words or files")
    }
    let request = ConsoleRequest(
      words: words, files: files.map { ConsoleRequest.File(path: $0.path, content: $0.content) })
    // Some commands write, and the client cannot tell which.
    let body = Self.body { request.encode(into: &$0) }
    let reply = try await write(.console, body, timeout: timeout)
    return try Self.decoded(reply) { (body) throws(WireError) in
      let reply = try ConsoleReply(decoding: body)
      return ConsoleOutput(exitCode: Int(reply.exitCode), output: reply.output, errors: reply.errors)
    }
  }

  /// A call that writes, and has no number by which the server would know it again.
  func write(_ type: MessageType, _ body: [UInt8], timeout: Duration?) async throws(ClientError) -> [UInt8] {
    let deadline = deadline(timeout)
    return try await attempt(isRepeatable: false, isWrite: true, deadline: deadline) {
      connection throws(ClientError) in
      try await call(type, body, on: connection, deadline: deadline)
    }
  }
}
