// Why a call did not give what was asked. The codes of the protocol and of the client itself stand in one closed list, and what
// a program may do follows from `isRetryable` and `mayBeDone` alone; the texts are for people.

package import ApusWire

public struct ClientError: Error, Equatable, Sendable {
  /// Spelled as in `Protocol.md`; those that no server sends come last.
  public enum Code: String, CaseIterable, Sendable {
    case malformed = "MALFORMED"
    case tooLong = "TOO_LONG"
    case version = "VERSION"
    case feature = "FEATURE"
    case unauthenticated = "UNAUTHENTICATED"
    case tooSlow = "TOO_SLOW"
    case shuttingDown = "SHUTTING_DOWN"
    case forbidden = "FORBIDDEN"
    case unknownName = "UNKNOWN_NAME"
    case unknownHandle = "UNKNOWN_HANDLE"
    case definitionChanged = "DEFINITION_CHANGED"
    case badKey = "BAD_KEY"
    case badRequest = "BAD_REQUEST"
    case retired = "RETIRED"
    case rowsRefused = "ROWS_REFUSED"
    case unsupported = "UNSUPPORTED"
    case overloaded = "OVERLOADED"
    case deadline = "DEADLINE"
    case notYet = "NOT_YET"
    case rebuilding = "REBUILDING"
    case readOnly = "READ_ONLY"
    case diskFull = "DISK_FULL"
    case clockJump = "CLOCK_JUMP"
    case stopped = "STOPPED"
    case deadLettersFull = "DEAD_LETTERS_FULL"
    case fenced = "FENCED"
    case sequenceGap = "SEQUENCE_GAP"
    case sequenceReused = "SEQUENCE_REUSED"
    case sequenceTooOld = "SEQUENCE_TOO_OLD"
    case producerExpired = "PRODUCER_EXPIRED"
    case unknownProducer = "UNKNOWN_PRODUCER"
    case lsnLost = "LSN_LOST"
    case historyGone = "HISTORY_GONE"
    case beyondHistory = "BEYOND_HISTORY"
    case badReceipt = "BAD_RECEIPT"
    case badSpine = "BAD_SPINE"
    case `internal` = "INTERNAL"

    /// A newer server's code; `isRetryable` is as it said.
    case unknown = "UNKNOWN"
    case badAddress = "BAD_ADDRESS"
    case cannotConnect = "CANNOT_CONNECT"
    case connectionLost = "CONNECTION_LOST"
    case deadlinePassed = "DEADLINE_PASSED"
    case cancelled = "CANCELLED"
    case closed = "CLOSED"
    /// As many calls are under way in this client as it allows.
    case busy = "BUSY"
    /// The server's bytes are not what the protocol says.
    case badReply = "BAD_REPLY"
    /// What was given cannot be sent: a key without one of its parts, a column of two types.
    case badInput = "BAD_INPUT"
  }

  public struct Detail: Equatable, Sendable {
    public let name: String
    public let value: String
  }

  public let code: Code
  /// As the server numbers it; 0 for the client's own.
  public let number: Int
  /// The same may work later.
  public let isRetryable: Bool
  /// A write may have been done all the same: nobody knows. False for what only reads.
  public internal(set) var mayBeDone = false
  /// Not before; 0 when nobody knows.
  public let waitMilliseconds: Int
  public let what: String
  public let `where`: String
  public let next: String
  /// View, feature, row, rule, LSN, …
  public let details: [Detail]

  init(_ code: Code, _ what: String, where place: String = "", next: String = "") {
    self.code = code
    number = 0
    switch code {
    case .cannotConnect, .connectionLost, .deadlinePassed, .busy: isRetryable = true
    default: isRetryable = false
    }
    waitMilliseconds = 0
    self.what = what
    self.where = place
    self.next = next
    details = []
  }

  /// What a server said.
  package init(_ refusal: WireRefusal) {
    code = refusal.code.flatMap { Code(rawValue: $0.name) } ?? .unknown
    number = Int(refusal.number)
    isRetryable = refusal.class == .retry
    waitMilliseconds = Int(refusal.waitMilliseconds)
    what = refusal.what
    self.where = refusal.where
    next = refusal.next
    details = refusal.details.map { Detail(name: $0.name, value: $0.value) }
  }

  /// What is wrong with a server's bytes.
  package init(_ error: WireError) {
    switch error {
    case .malformed(let what, let at):
      self.init(.badReply, what, where: "byte \(at)", next: "is there an Apus server of this version?")
    case .tooLong(let found, let max):
      self.init(.badReply, "\(found) bytes, where at most \(max) are allowed")
    }
  }

  /// Of a write that was begun.
  func uncertain(_ mayBeDone: Bool) -> ClientError {
    var error = self
    error.mayBeDone = mayBeDone
    return error
  }
}

extension ClientError: CustomStringConvertible {
  public var description: String {
    var lines = "\(code.rawValue): \(what)"
    if !`where`.isEmpty { lines += "\n  \(`where`)" }
    if !next.isEmpty { lines += "\n  next: \(next)" }
    return lines
  }
}
