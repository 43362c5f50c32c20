// Why cells are what they are: of each the event that won, and of those that lost the one that came nearest, with why.

import ApusBytes
import ApusContracts
import ApusWire

/// The answer to `explain`: one row per key, in the order of the keys.
public struct Explanation: Sendable {
  public struct Column: Equatable, Sendable {
    public let name: String
    /// As definitions spell it: `int64`, `float32[64]`, `list<string>`.
    public let type: String
    /// `view@1:feature`.
    public let feature: String
  }

  /// What an event says of a feature.
  public enum Said: Hashable, Sendable {
    case null
    case value(FeatureValue)
    /// It is a delete, and ended what was said before.
    case deleted
  }

  public struct Candidate: Hashable, Sendable {
    public let said: Said
    public let origin: EventOrigin
  }

  /// Why a candidate did not win.
  public enum Loss: Sendable {
    /// The winner has a greater stamp: event time, then created at, then LSN.
    case older
    case notYetKnown
    /// The winner is a delete.
    case deleted
  }

  public struct RunnerUp: Hashable, Sendable {
    public let candidate: Candidate
    public let why: Loss
  }

  public struct Cell: Hashable, Sendable {
    public let status: FeatureRows.Status
    /// Only of what was not found.
    public let reason: FeatureRows.Reason?
    /// Also when it is out of age. Nil: nothing that was seen speaks of the feature.
    public let winner: Candidate?
    /// Of those that lost, the one with the greatest stamp.
    public let runnerUp: RunnerUp?

    public init(
      status: FeatureRows.Status, reason: FeatureRows.Reason?, winner: Candidate? = nil,
      runnerUp: RunnerUp? = nil
    ) {
      (self.status, self.reason, self.winner, self.runnerUp) = (status, reason, winner, runnerUp)
    }
  }

  public let lsn: ApusClient.LSN
  /// The moment that ages were judged at, in nanoseconds since 1970.
  public let readTimeNanoseconds: Int64
  /// The store lost something once, and may lack it here.
  public let mayLack: Bool
  /// `fraud@1`; nil: a list of features was asked for.
  public let service: String?
  public let columns: [Column]
  public let count: Int
  private let cells: [Cell]

  /// Checks the reply to a request for so many rows.
  package init(_ body: RawSpan, rows: Int) throws(ClientError) {
    let reply: ExplainReply
    do throws(WireError) { reply = try ExplainReply(decoding: body) } catch { throw ClientError(error) }
    guard reply.rows == rows, reply.cells.count == rows * reply.columns.count else {
      throw ClientError(.badReply, "\(reply.rows) rows are explained, and \(rows) were asked for")
    }
    lsn = ApusClient.LSN(reply.lsn)
    readTimeNanoseconds = reply.time.nanoseconds
    mayLack = reply.mayLack
    service = reply.service.isEmpty ? nil : reply.service
    columns = reply.columns.map { Column(name: $0.name, type: "\($0.type)", feature: $0.feature) }
    count = rows
    cells = reply.cells.map { Cell($0) }
  }

  /// A cell. A row or a column that is not there is a bug of the caller.
  public subscript(row: Int, column: Int) -> Cell {
    precondition(row >= 0 && row < count && columns.indices.contains(column), "there is such a cell")
    return cells[row * columns.count + column]
  }

  public subscript(row: Int, name: String) -> Cell {
    get throws(ClientError) {
      guard let column = columns.firstIndex(where: { $0.name == name }) else {
        throw ClientError(
          .badInput, "there is no column \(name)",
          next: "there are \(columns.map(\.name).joined(separator: ", "))")
      }
      return self[row, column]
    }
  }
}

extension Explanation.Cell {
  init(_ cell: ExplainReply.Cell) {
    status = FeatureRows.Status(rawValue: Int(cell.code.status.rawValue)) ?? .invalid
    reason = cell.code.reason.map { FeatureRows.Reason($0) }
    winner = cell.winner.map { Explanation.Candidate($0) }
    runnerUp = cell.loser.map { loser in
      let why: Explanation.Loss =
        switch loser.why {
        case .older: .older
        case .notYetKnown: .notYetKnown
        case .deleted: .deleted
        }
      return Explanation.RunnerUp(candidate: Explanation.Candidate(loser.candidate), why: why)
    }
  }
}

extension Explanation.Candidate {
  init(_ candidate: ExplainReply.Candidate) {
    switch candidate.said {
    case .null: said = .null
    case .deleted: said = .deleted
    case .value(let value): said = .value(FeatureValue(value))
    }
    origin = EventOrigin(
      candidate.lsn, candidate.eventTime, candidate.createdAt, candidate.knownAt,
      isAssumed: candidate.isKnownAtAssumed, producer: candidate.producer)
  }
}
