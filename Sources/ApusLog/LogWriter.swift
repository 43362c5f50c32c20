package import ApusBytes
package import ApusSystem

/// What is given back for an appended frame. It is durable when a later `sync` returns.
package struct Appended: Equatable, Sendable {
  package let lsns: LSNRange
  package let position: LogPosition
  package let time: WallTime
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

  var appendClock: AppendClock
  var active: ActiveSegment?
  var buffer = ByteWriter(capacity: 64 << 10)
  package internal(set) var nextLSN: LSN
  package internal(set) var durable: LSN
  /// A sync covered records, and no frame has said so yet.
  package internal(set) var markDue = false
  /// Files unlinked for good, which the next edit forgets.
  var unlinked: [FileID] = []
  /// Syncs that made records durable, for the ratio of a group commit.
  package private(set) var syncs = 0
  /// How often a full disk made the buffer's frames be dropped: a frame appended under an older number is gone.
  package private(set) var drops = 0
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
    appendClock = AppendClock(lastAppend: manifest.state.lastAppendTime)
    nextLSN = manifest.state.ceiling
    durable = manifest.state.ceiling.previous
  }

  /// The longest payload that a frame of this log may have.
  package var payloadByteCountMax: Int { ActiveSegment.payloadMax(capacity: options.segmentByteCount) }

  /// Behind the last frame that is in the file.
  package var written: LSN { active?.written.place.lastLSN ?? nextLSN.previous }

  // MARK: The four verbs

  /// Gives `recordCount` records LSNs and puts their frame into the buffer.
  package func append(recordCount: Int, payload: RawSpan) throws(LogError) -> Appended {
    precondition(recordCount > 0 && recordCount <= UInt32.max, "a frame holds at least one record")
    return try append(.records, recordCount: recordCount, payload: payload)
  }

  /// Believes the wall clock after a jump, and logs that a person said so. Nil when no jump stands.
  package func confirmClock() throws(LogError) -> Appended? {
    try checkUsable()
    var confirmed = appendClock
    guard let confirmation = confirmed.confirm(wall: clock.wall(), monotonic: clock.monotonic()) else {
      return nil
    }
    var payload = ByteWriter(capacity: Format.clockPayloadByteCount)
    payload.write(confirmation.from.nanoseconds)
    payload.write(confirmation.to.nanoseconds)
    let before = appendClock
    appendClock = confirmed
    do throws(LogError) {
      let appended = try append(.clock, flags: .clockStep, recordCount: 1, payload: payload.bytes)
      try sync()
      return appended
    } catch {
      appendClock = before
      throw error
    }
  }

  private func append(
    _ type: FrameType, flags: FrameFlags = [], recordCount: Int, payload: RawSpan
  ) throws(LogError) -> Appended {
    try checkUsable()
    guard payload.byteCount <= payloadByteCountMax else {
      throw .payloadTooLong(byteCount: payload.byteCount, max: payloadByteCountMax)
    }
    let time = try stamp()
    // A full disk in either step drops frames that are in the buffer, and then this one must not follow them.
    if active?.fits(payloadByteCount: payload.byteCount) != true { try rotate() }
    try raiseCeiling(to: nextLSN.advanced(by: recordCount))
    // In place: a copy of the segment costs as much as a small frame.
    let appended = active?.encode(
      type, flags: flags, recordCount: recordCount, durable: durable, appendTime: time, payload: payload,
      into: &buffer)
    guard let appended else { preconditionFailure("rotate leaves an active segment") }
    nextLSN = appended.lsns.last.next
    return appended
  }

  /// The append time of a frame that is appended now.
  private func stamp() throws(LogError) -> WallTime {
    // On a copy, put back also when it throws: the jump it found stands.
    var stamped = appendClock
    defer { appendClock = stamped }
    do throws(ClockJump) {
      return try stamped.stamp(wall: clock.wall(), monotonic: clock.monotonic())
    } catch {
      throw .clockJump(error)
    }
  }

  /// Writes what is in the buffer to the file, where a killed process leaves it.
  ///
  /// On a full disk the frames in the buffer are dropped, all of them, and their LSNs are given out again: nobody was told of them.
  package func flush() throws(LogError) {
    try checkUsable()
    guard buffer.count > 0, let file = active?.file, let written = active?.written,
      let encoded = active?.encoded
    else { return }
    do throws(SystemError) {
      try file.writeAll(buffer.bytes, at: written.place.offset)
    } catch {
      guard error.errno.meansDiskFull else { throw stop(error) }
      dropBuffer()
      throw .diskFull(error)
    }
    buffer.removeAll()
    active?.written = encoded
    // Every frame says what was durable when it was written, so none of them needs a mark for that.
    markDue = false
    reader.publish(written: encoded.place)
  }

  /// Makes everything appended so far durable; returns up to where the log now is.
  @discardableResult
  package func sync() throws(LogError) -> LSN {
    try flush()
    guard let segment = active, durable < segment.written.place.lastLSN else { return durable }
    do throws(SystemError) {
      try segment.file.syncData()
    } catch {
      throw stop(error)
    }
    syncs += 1
    durable = segment.written.place.lastLSN
    markDue = true
    reader.publish(durable: segment.written.place)
    return durable
  }

  /// Writes the mark that tells a later opening how far the log was durable. Due when no frame follows a sync within
  /// `Format.markDelayNanoseconds`; synced once, and never marked itself.
  package func mark() throws(LogError) {
    try checkUsable()
    guard markDue, buffer.count == 0, var segment = active, !segment.spoiled else { return }
    active = nil
    _ = segment.encode(
      .mark, recordCount: 0, durable: durable, appendTime: segment.encoded.place.appendTime,
      payload: RawSpan(),
      into: &buffer)
    active = segment
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
    active = nil
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
  func dropBuffer() {
    buffer.removeAll()
    drops += 1
    active?.spoiled = true
    guard let segment = active else { return }
    active?.encoded = segment.written
    nextLSN = segment.written.place.nextBase
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
