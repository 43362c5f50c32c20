// Who sends numbered requests, and what each was last answered. Ids count up from 1 in the order of first opening and are
// never reused; an epoch rises with each opening; a number is used up by one request that wrote a frame. The answers kept
// are those of the last numbers, without a gap, and there are none while a producer is expired.

package import ApusSystem

/// An answer that a retry gets again.
struct ProducerAnswer: Equatable, Sendable {
  var sequence: UInt64
  var frame: FrameMoment
  var digest: RequestDigest
  var counts: RowCounts
}

package struct Producer: Equatable, Sendable {
  package let id: UInt32
  package let name: String
  package internal(set) var epoch: UInt32
  /// Of its last request that wrote a frame; 0 before the first.
  package internal(set) var sequence: UInt64
  /// When it was last opened, or last wrote a frame.
  package internal(set) var lastUsed: WallTime
  package internal(set) var isExpired: Bool
  package internal(set) var sourceOffset: [UInt8]?
  /// Of the last numbers up to `sequence`, ascending.
  var answers: [ProducerAnswer] = []

  init(
    id: UInt32, name: String, epoch: UInt32, sequence: UInt64 = 0, lastUsed: WallTime,
    isExpired: Bool = false,
    sourceOffset: [UInt8]? = nil
  ) {
    self.id = id
    self.name = name
    self.epoch = epoch
    self.sequence = sequence
    self.lastUsed = lastUsed
    self.isExpired = isExpired
    self.sourceOffset = sourceOffset
  }

  package static func == (a: Producer, b: Producer) -> Bool {
    a.id == b.id && ExactText(a.name) == ExactText(b.name) && a.epoch == b.epoch && a.sequence == b.sequence
      && a.lastUsed == b.lastUsed && a.isExpired == b.isExpired && a.sourceOffset == b.sourceOffset
      && a.answers == b.answers
  }

  /// Idle for longer than allowed; a clock that stepped back makes nobody idle.
  func isIdle(at time: WallTime, max: Int64) -> Bool {
    guard time > lastUsed else { return false }
    let (idle, overflow) = time.nanoseconds.subtractingReportingOverflow(lastUsed.nanoseconds)
    return overflow || idle > max
  }
}

package struct Producers: Equatable, Sendable {
  /// The producer with id *i* is element *i* - 1.
  package private(set) var listed: [Producer] = []
  private var places: [ExactText: Int] = [:]

  package init() {}

  package var isEmpty: Bool { listed.isEmpty }

  package subscript(id: UInt32) -> Producer? { place(of: id).map { listed[$0] } }

  private func place(of id: UInt32) -> Int? {
    id >= 1 && Int(id) <= listed.count ? Int(id) - 1 : nil
  }
}

// What a request meets.

extension Producers {
  package enum Verdict: Equatable, Sendable {
    /// Nobody sent this number yet: it is to be done.
    case next
    /// It was done; this was its frame, and what became of its rows.
    case repeated(FrameMoment, RowCounts)
    /// The number is that of a request whose frame is not settled: to be judged again when it is.
    case unsettled
  }

  /// What a request of this ticket meets. `pending` is this producer's highest sequence in a frame that is not settled.
  package func judge(
    _ ticket: ProducerTicket, pending: UInt64?, at time: WallTime, idleNanosecondsMax: Int64
  ) throws(StoreError) -> Verdict {
    guard let place = place(of: ticket.producer) else { throw .unknownProducer(ticket.producer) }
    let epoch = listed[place].epoch
    // An epoch that was never given out, as before a restored backup, is not the producer's own either.
    guard ticket.epoch == epoch else {
      throw .fenced(producer: ticket.producer, epoch: ticket.epoch, now: epoch)
    }
    // What is pending was judged before, and uses the producer when it settles.
    let isIdle = pending == nil && listed[place].isIdle(at: time, max: idleNanosecondsMax)
    guard !listed[place].isExpired, !isIdle else { throw .producerExpired(ticket.producer) }

    let sequence = listed[place].sequence
    let newest = max(sequence, pending ?? 0)
    guard ticket.sequence <= newest else {
      if ticket.sequence - newest == 1 { return .next }
      throw .sequenceGap(producer: ticket.producer, found: ticket.sequence, next: newest + 1)
    }
    guard ticket.sequence <= sequence else { return .unsettled }
    guard let answer = listed[place].answers.first(where: { $0.sequence == ticket.sequence }) else {
      let oldest = listed[place].answers.first?.sequence ?? (sequence == .max ? sequence : sequence + 1)
      throw .sequenceTooOld(producer: ticket.producer, ticket.sequence, oldest: oldest)
    }
    guard answer.digest == ticket.digest else {
      throw .sequenceReused(producer: ticket.producer, ticket.sequence)
    }
    return .repeated(answer.frame, answer.counts)
  }

  /// What opening this name would give: the next id, or the same one under the next epoch.
  package func opening(name: String) -> ProducerOpening {
    guard let place = places[ExactText(name)] else {
      return ProducerOpening(
        producer: UInt32(clamping: listed.count + 1), epoch: 1, lastSequence: 0, sourceOffset: nil)
    }
    let producer = listed[place]
    // After four billion openings the record is refused, and the last epoch stands.
    return ProducerOpening(
      producer: producer.id, epoch: producer.epoch == .max ? .max : producer.epoch + 1,
      lastSequence: producer.sequence, sourceOffset: producer.sourceOffset)
  }

  /// Those that a record is to expire now, ascending.
  package func expired(at time: WallTime, idleNanosecondsMax: Int64) -> [UInt32] {
    listed.lazy.filter { !$0.isExpired && $0.isIdle(at: time, max: idleNanosecondsMax) }.map(\.id)
  }

  /// Refuses what is no name of a producer.
  package static func check(name: String) throws(StoreError) {
    guard isName(name) else { throw .badProducerName(name) }
  }

  /// Text of 1 to 256 bytes without control characters.
  package static func isName(_ name: String) -> Bool {
    (1...StoreLimits.producerNameByteCountMax).contains(name.utf8.count)
      && name.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) }
  }
}

// What the log says. Each throws in words why it cannot be so, and then nothing happened.

extension Producers {
  struct Contradiction: Error {
    let words: String
    init(_ words: String) { self.words = words }
  }

  mutating func open(_ id: UInt32, epoch: UInt32, name: String, at time: WallTime) throws(Contradiction) {
    guard Self.isName(name) else { throw Contradiction("producer \(id) is opened under what is no name") }
    if let place = places[ExactText(name)] {
      let producer = listed[place]
      guard id == producer.id, epoch > producer.epoch, epoch - producer.epoch == 1 else {
        throw Contradiction(
          "producer \(producer.id) of epoch \(producer.epoch) is opened as \(id) of epoch \(epoch)")
      }
      listed[place].epoch = epoch
      listed[place].lastUsed = time
      listed[place].isExpired = false
    } else {
      guard id >= 1, Int(id) == listed.count + 1, epoch == 1 else {
        throw Contradiction("producer \(listed.count + 1) is opened as \(id) of epoch \(epoch)")
      }
      places[ExactText(name)] = listed.count
      listed.append(Producer(id: id, name: name, epoch: epoch, lastUsed: time))
    }
  }

  /// Records before this one are lost: what they said of its producer is what it presumes. The answers in between are nobody's.
  mutating func passLost(before record: ProducerRecord) {
    switch record {
    case .opened(let id, let epoch, let name):
      guard let place = places[ExactText(name)], listed[place].id == id, epoch > listed[place].epoch else {
        return
      }
      listed[place].epoch = epoch - 1
    case .request(let ticket, _):
      guard let place = place(of: ticket.producer), ticket.epoch >= listed[place].epoch,
        ticket.sequence > listed[place].sequence
      else { return }
      if ticket.epoch > listed[place].epoch { listed[place].epoch = ticket.epoch }
      listed[place].isExpired = false
      if ticket.sequence - listed[place].sequence > 1 {
        listed[place].sequence = ticket.sequence - 1
        listed[place].answers = []
      }
    case .expired: break
    }
  }

  mutating func settle(
    _ ticket: ProducerTicket, _ counts: RowCounts, in frame: FrameMoment
  ) throws(Contradiction) {
    guard let place = place(of: ticket.producer), listed[place].epoch == ticket.epoch,
      !listed[place].isExpired
    else { throw Contradiction("producer \(ticket.producer) has no epoch \(ticket.epoch) to send in") }
    let sequence = listed[place].sequence
    guard ticket.sequence > sequence, ticket.sequence - sequence == 1 else {
      throw Contradiction(
        "producer \(ticket.producer) is at request \(sequence), and here is \(ticket.sequence)")
    }
    listed[place].sequence = ticket.sequence
    listed[place].lastUsed = frame.time
    if let offset = ticket.sourceOffset { listed[place].sourceOffset = offset }
    if listed[place].answers.count >= StoreLimits.producerAnswersMax { listed[place].answers.removeFirst() }
    listed[place].answers.append(
      ProducerAnswer(sequence: ticket.sequence, frame: frame, digest: ticket.digest, counts: counts))
  }

  /// The ids ascend. Answers go at once: nobody can ask for them any more.
  mutating func expire(_ ids: [UInt32]) throws(Contradiction) {
    for id in ids where self[id]?.isExpired != false {
      throw Contradiction("producer \(id) cannot expire: it is not there, or has expired")
    }
    for id in ids {
      listed[Int(id) - 1].isExpired = true
      listed[Int(id) - 1].answers = []
    }
  }

  /// What a note says of the next producer.
  mutating func restore(_ producer: Producer) throws(Contradiction) {
    let answers = producer.answers
    guard producer.id >= 1, Int(producer.id) == listed.count + 1, producer.epoch >= 1,
      Self.isName(producer.name),
      places[ExactText(producer.name)] == nil
    else { throw Contradiction("producer \(listed.count + 1) has another's id or name, or no epoch") }
    guard answers.count <= StoreLimits.producerAnswersMax, answers.isEmpty || !producer.isExpired,
      zip(answers.reversed(), 0...).allSatisfy({
        $0.sequence >= 1 && producer.sequence >= $0.sequence && producer.sequence - $0.sequence == UInt64($1)
      })
    else { throw Contradiction("the answers of producer \(producer.id) are not its last") }
    places[ExactText(producer.name)] = listed.count
    listed.append(producer)
  }
}
