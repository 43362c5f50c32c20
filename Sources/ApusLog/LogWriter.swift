package import ApusBytes
package import ApusSystem

/// What is given back for an appended frame. It is durable when a later `sync` returns.
package struct Appended: Equatable, Sendable {
  package let lsns: LSNRange
  package let position: LogPosition
  package let time: WallTime
}

/// A moment of the log's append clock, which only ever goes forward but where a person confirmed a step back.
package struct AppendMoment: Comparable, Sendable {
  package let time: WallTime
  package static func < (a: AppendMoment, b: AppendMoment) -> Bool { a.time < b.time }
}

/// Appends frames. One thread owns it; nothing here is shared but through `reader`.
///
/// `durable ≤ written ≤ next`: frames go from the buffer to the file in `flush`, and from the file to the disk in `sync`.
/// A frame was given out when `append` returns, counts when `flush` returns, and lasts when `sync` returns. After a failed sync, or a failed write
/// that was not a full disk, every method throws `stopped`, for good.
package final class LogWriter {
  let folder: StoreFolder
  let manifest: Manifest
  let lock: any FileLock
  let clock: any Clock
  let options: LogOptions
  package let reader: LogReader
  /// The longest payload that a frame of this log may have.
  package let payloadByteCountMax: Int

  var state: WriterState
  /// A sync covered records, and no frame has said so yet.
  package internal(set) var markDue = false
  /// Files unlinked for good, which the next edit forgets.
  var unlinked: [FileID] = []
  /// Syncs that made records durable, for the ratio of a group commit.
  package private(set) var syncs = 0
  /// Frames from this LSN on were dropped, and why; until `takeDropped` asks.
  private var dropped: (from: LSN, because: LogError)?
  private(set) var failure: SystemError?
  private var isClosed = false

  init(
    folder: StoreFolder, manifest: Manifest, lock: any FileLock, clock: any Clock, options: LogOptions,
    reader: LogReader
  ) {
    self.folder = folder
    self.manifest = manifest
    self.lock = lock
    self.clock = clock
    self.options = options
    self.reader = reader
    payloadByteCountMax = ActiveSegment.payloadMax(capacity: options.segmentByteCount)
    state = WriterState(manifest.state)
  }

  /// The LSN of the next record.
  package var nextLSN: LSN { state.nextLSN }
  /// The newest append time that was given out; nil when there is none.
  package var lastAppendTime: WallTime? { state.appendClock.lastAppend }
  /// The last LSN that a power cut leaves.
  package var durable: LSN { state.durable }
  /// The last LSN that is in the file.
  package var written: LSN { state.active?.written.place.lastLSN ?? state.nextLSN.previous }

  // MARK: The four verbs

  /// Reads the clocks, for requests that were all taken before: the append time of their frames.
  ///
  /// Throws while the wall clock is in doubt, until a person confirms it.
  package func moment() throws(LogError) -> AppendMoment {
    try checkUsable()
    do throws(ClockJump) {
      return AppendMoment(
        time: try state.appendClock.stamp(wall: clock.wall(), monotonic: clock.monotonic()))
    } catch {
      throw .clockJump(error)
    }
  }

  /// Gives `recordCount` records LSNs and puts their frame into the buffer.
  ///
  /// `moment` is when the request was taken, and not longer ago than this group of requests.
  package func append(
    recordCount: Int, payload: RawSpan, at moment: AppendMoment
  ) throws(LogError) -> Appended {
    precondition(recordCount > 0 && recordCount <= UInt32.max, "a frame holds at least one record")
    return try append(.records, recordCount: recordCount, payload: payload, at: moment)
  }

  /// Appends the frame of a request that was taken just now.
  package func append(recordCount: Int, payload: RawSpan) throws(LogError) -> Appended {
    try append(recordCount: recordCount, payload: payload, at: try moment())
  }

  /// Believes the wall clock after a jump, and logs that a person said so. Nil when no jump stands.
  package func confirmClock() throws(LogError) -> Appended? {
    try checkUsable()
    var confirmed = state.appendClock
    guard let confirmation = confirmed.confirm(wall: clock.wall(), monotonic: clock.monotonic()) else {
      return nil
    }
    var payload = ByteWriter(capacity: Format.clockPayloadByteCount)
    payload.write(confirmation.from.nanoseconds)
    payload.write(confirmation.to.nanoseconds)
    let before = state.appendClock
    state.appendClock = confirmed
    do throws(LogError) {
      let appended = try append(
        .clock, flags: .clockStep, recordCount: 1, payload: payload.bytes, at: try moment())
      try sync()
      return appended
    } catch {
      state.appendClock = before
      throw error
    }
  }

  private func append(
    _ type: FrameType, flags: FrameFlags = [], recordCount: Int, payload: RawSpan, at moment: AppendMoment
  ) throws(LogError) -> Appended {
    try checkUsable()
    guard payload.byteCount <= payloadByteCountMax else {
      throw .payloadTooLong(byteCount: payload.byteCount, max: payloadByteCountMax)
    }
    if let appended = state.append(
      type, flags: flags, recordCount: recordCount, payload: payload, time: moment.time)
    {
      return appended
    }
    try makeRoom(recordCount: recordCount, payloadByteCount: payload.byteCount)
    let appended = state.append(
      type, flags: flags, recordCount: recordCount, payload: payload, time: moment.time)
    guard let appended else { preconditionFailure("room was made") }
    return appended
  }

  /// A full disk in any step drops frames that are in the buffer, and then the one that needs room must not follow them.
  private func makeRoom(recordCount: Int, payloadByteCount: Int) throws(LogError) {
    if !state.hasBuffer(for: payloadByteCount) { try flush() }
    if state.active?.fits(payloadByteCount: payloadByteCount) != true { try rotate() }
    try raiseCeiling(to: nextLSN.advanced(by: recordCount))
  }

  /// Writes what is in the buffer to the file, where a killed process leaves it.
  ///
  /// On a full disk the frames in the buffer are dropped, all of them, and their LSNs are given out again: nobody was told of them.
  package func flush() throws(LogError) {
    try checkUsable()
    guard !state.buffer.isEmpty, let file = state.active?.file, let at = state.active?.written.place.offset,
      let encoded = state.active?.encoded
    else { return }
    do throws(SystemError) {
      try file.writeAll(state.buffer.bytes, at: at)
    } catch {
      guard error.errno.meansDiskFull else { throw stop(error) }
      dropBuffer(because: .diskFull(error))
      throw .diskFull(error)
    }
    state.buffer.removeAll()
    state.active?.written = encoded
    // Every frame says what was durable when it was written, so none of them needs a mark for that.
    markDue = false
    reader.publish(written: encoded.place)
  }

  /// Makes everything appended so far durable; returns up to where the log now is.
  @discardableResult
  package func sync() throws(LogError) -> LSN {
    try flush()
    guard let segment = state.active, durable < segment.written.place.lastLSN else { return durable }
    do throws(SystemError) {
      try segment.file.syncData()
    } catch {
      throw stop(error)
    }
    syncs += 1
    state.durable = segment.written.place.lastLSN
    markDue = true
    reader.publish(durable: segment.written.place)
    return durable
  }

  /// Writes the mark that tells a later opening how far the log was durable. Due when no frame follows a sync within
  /// `Format.markDelayNanoseconds`; synced once, and never marked itself.
  package func mark() throws(LogError) {
    try checkUsable()
    guard markDue, state.buffer.isEmpty, let segment = state.active, !segment.spoiled else { return }
    state.putMark()
    try flush()
    do throws(SystemError) {
      try segment.file.syncData()
    } catch {
      throw stop(error)
    }
  }

  // MARK: State

  /// Ends the log in good order: everything durable, the segment finished, no LSN skipped at the next start.
  ///
  /// When the disk is full, what is durable stays durable, and the next opening does what is left to do.
  package func close() throws(LogError) {
    guard !isClosed else { return }
    defer { letGo() }
    guard failure == nil else { return }
    try sync()
    try finish(adding: [.ceiling(nextLSN)])
  }

  /// Ends the use of the log at once, as a killed process would: nothing is written.
  package func abandon() {
    guard !isClosed else { return }
    letGo()
  }

  private func letGo() {
    isClosed = true
    // Its file is closed when the last scan lets go of it.
    state.active = nil
    manifest.close()
    lock.release()
  }

  func checkUsable() throws(LogError) {
    if let failure { throw .stopped(because: failure) }
    if isClosed { throw .closed }
  }

  /// Ends all writing in this process. The kernel may have thrown pages away and called them clean: trying again would lie.
  func stop(_ error: SystemError) -> LogError {
    failure = failure ?? error
    return .stopped(because: error)
  }

  /// Forgets the frames in the buffer, as if they had never been appended.
  private func dropBuffer(because error: LogError) {
    state.dropBuffer()
    // Frames dropped later have no lower LSN.
    dropped = dropped ?? (nextLSN, error)
  }

  /// What a full disk took since the last call: every frame that had been appended by then with this LSN or a higher one.
  ///
  /// To be asked before the next append, which may be given the same LSN.
  package func takeDropped() -> (from: LSN, because: LogError)? {
    defer { dropped = nil }
    return dropped
  }

  /// Commits to the manifest. Anything but a full disk, met before the edit was written, stops the log.
  func commit(_ changes: [ManifestChange]) throws(LogError) {
    let forgotten = unlinked.map { ManifestChange.forget($0) }
    do throws(LogError) {
      try manifest.commit(changes + forgotten)
      unlinked = []
    } catch {
      switch error {
      case .diskFull: throw error
      case .stopped(let cause), .system(let cause): throw stop(cause)
      default: preconditionFailure("a commit fails only by a system call: \(error)")
      }
    }
  }
}
