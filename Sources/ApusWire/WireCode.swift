// Every reason for which a server does not do what it is asked. The list is closed: a number is never given to another
// reason, and what a client may do follows from the class alone.

/// What becomes of the request and of the connection.
package enum WireClass: UInt8, Sendable {
  /// It will not work as it is.
  case request = 1
  /// The same may work later.
  case retry = 2
  /// The connection ends.
  case session = 3
}

package enum WireCode: UInt16, CaseIterable, Sendable {
  case malformed = 1
  case tooLong = 2
  case version = 3
  case feature = 4
  case unauthenticated = 5
  case tooSlow = 6
  case shuttingDown = 7
  case forbidden = 16
  case unknownName = 17
  case unknownHandle = 18
  case definitionChanged = 19
  case badKey = 20
  case badRequest = 21
  case retired = 22
  case rowsRefused = 23
  case unsupported = 24
  case overloaded = 32
  case deadline = 33
  case notYet = 34
  case rebuilding = 35
  case readOnly = 36
  case diskFull = 37
  case clockJump = 38
  case stopped = 39
  case deadLettersFull = 40
  case fenced = 48
  case sequenceGap = 49
  case sequenceReused = 50
  case sequenceTooOld = 51
  case producerExpired = 52
  case unknownProducer = 53
  case lsnLost = 64
  case historyGone = 65
  case beyondHistory = 66
  case badReceipt = 67
  case badSpine = 68
  case `internal` = 127

  package var `class`: WireClass {
    switch self {
    case .malformed, .tooLong, .version, .feature, .unauthenticated, .tooSlow: .session
    case .shuttingDown, .definitionChanged, .overloaded, .deadline, .notYet, .rebuilding, .diskFull,
      .clockJump,
      .stopped, .deadLettersFull, .internal:
      .retry
    case .forbidden, .unknownName, .unknownHandle, .badKey, .badRequest, .retired, .rowsRefused, .unsupported,
      .readOnly, .fenced, .sequenceGap, .sequenceReused, .sequenceTooOld, .producerExpired, .unknownProducer,
      .lsnLost, .historyGone, .beyondHistory, .badReceipt, .badSpine:
      .request
    }
  }

  /// As the specification spells it: `UNKNOWN_NAME`.
  package var name: String {
    if self == .lsnLost { return "LSN_LOST" }
    var name = ""
    for letter in "\(self)" {
      if letter.isUppercase { name.append("_") }
      name.append(contentsOf: letter.uppercased())
    }
    return name
  }
}
