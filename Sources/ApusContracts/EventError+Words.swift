// What a person reads when bytes are no event, or an event's times are refused: what, and by how much.

extension EventError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .truncated(let at, let needed, let available):
      "record ends too early at byte \(at): \(needed) bytes needed, \(available) there"
    case .unknownKind(let at, let kind): "record of unknown kind \(kind) at byte \(at)"
    case .notZero(let at): "byte \(at) of a record must be zero"
    case .unknownOperation(let operation): "event with unknown operation \(operation)"
    case .unknownFlags(let flags): "unknown flags \(flags) in an event; a newer program may have written it"
    case .keyTooLong(let byteCount, let limit): "key of \(byteCount) bytes, at most \(limit) allowed"
    case .cellsOfDelete(let byteCount): "\(byteCount) bytes follow the key of a delete"
    case .knownBeforeEvent(let eventTime, let knownAt):
      "event of \(eventTime.nanoseconds) ns, known before at \(knownAt.nanoseconds) ns"
    case .row(let error): "event: \(error)"
    }
  }
}

extension EventTimeError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .eventTimeInFuture(let ahead): "event time \(ahead) ns ahead of the clock, more than the view allows"
    case .createdAtInFuture(let ahead): "created at \(ahead) ns ahead of the clock, more than the view allows"
    case .knownAtMissing: "no known-at in this row, though the push takes it from a column"
    case .knownAtNotChosen: "a known-at in this row, though the push does not take it from a column"
    case .knownAtBeforeEventTime(let knownAt, let eventTime):
      "known at \(knownAt.nanoseconds) ns, before the event time \(eventTime.nanoseconds) ns"
    case .knownAtAfterAppend(let knownAt): "known at \(knownAt.nanoseconds) ns, which is after now"
    case .negativeDelay(let delay): "a delay of \(delay) ns would make events known before they are true"
    }
  }
}
