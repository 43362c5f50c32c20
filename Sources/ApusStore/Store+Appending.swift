// Rows come in as batches that were admitted by the caller's thread, and are acknowledged when they are as lasting as the
// store's durability says.

import ApusBytes
import ApusLog
import ApusSystem

extension Store {
  /// Leaves a batch to be written. `completion` is called exactly once, on the appender's thread, unless this throws.
  package func submit(
    _ batch: AdmittedBatch, _ ticket: ProducerTicket? = nil,
    completion: @escaping @Sendable (Result<AppendAnswer, StoreError>) -> Void
  ) throws(StoreError) {
    try writing().submit(batch, ticket, completion)
  }

  /// Writes a batch and waits until it is acknowledged.
  package func append(
    _ batch: AdmittedBatch, _ ticket: ProducerTicket? = nil
  ) throws(StoreError) -> AppendAnswer {
    let answer = Monitor<Result<AppendAnswer, StoreError>?>(nil)
    try submit(batch, ticket) { result in
      answer.withLock { $0 = result }
      answer.notifyAll()
    }
    _ = answer.wait(for: nil) { $0 != nil }
    return try answer.withLock { $0 ?? .failure(.closed) }.get()
  }

  /// Believes the wall clock after a jump, and logs that a person said so. Nil when no jump stands.
  package func confirmClock() throws(StoreError) -> FrameMoment? {
    try writing().perform { (core) throws(StoreError) in try core.confirmClock() }
  }
}

extension Store {
  /// Opens a producer by its name: a new one, or the same with its epoch raised, so that an earlier holder of the name is fenced.
  package func openProducer(_ name: String) throws(StoreError) -> ProducerOpening {
    guard Producers.isName(name) else { throw .badProducerName(name) }
    return try writing().perform { (core) throws(StoreError) in try core.openProducer(name) }
  }

  /// The same without waiting: `completion` is called exactly once, on the appender's thread, unless this throws.
  package func openProducer(
    _ name: String, completion: @escaping @Sendable (Result<ProducerOpening, StoreError>) -> Void
  ) throws(StoreError) {
    guard Producers.isName(name) else { throw .badProducerName(name) }
    try writing().perform(
      { (core) throws(StoreError) in try core.openProducer(name) }, completion: completion)
  }
}

extension AppenderCore {
  func confirmClock() throws(StoreError) -> FrameMoment? {
    do throws(LogError) {
      guard let appended = try log.confirmClock() else { return nil }
      publish(appended.lsns.last)
      return FrameMoment(lsns: appended.lsns, time: appended.time)
    } catch {
      throw met(error)
    }
  }

  func openProducer(_ name: String) throws(StoreError) -> ProducerOpening {
    let now = try moment()
    try expireProducers(at: now)
    let opening = applier.state.producers.opening(name: name)
    _ = try write(recordCount: 1, at: now) { $0.writeProducerOpened(opening, name: name) }
    return opening
  }

  /// Logs which producers were idle for too long.
  func expireProducers(at now: AppendMoment) throws(StoreError) {
    let expired = applier.state.producers.expired(
      at: now.time, idleNanosecondsMax: options.producerIdleNanosecondsMax)
    guard !expired.isEmpty else { return }
    _ = try write(recordCount: 1, at: now) { $0.writeProducersExpired(expired) }
  }
}
