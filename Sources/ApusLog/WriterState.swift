import ApusBytes
import ApusSystem

/// What an append changes, in one place: the writer reaches it through one access, which the runtime checks for
/// exclusivity once and not property by property.
///
/// Frames in `buffer` are those of `active` between `written` and `encoded`, and `nextLSN` follows the last of them.
struct WriterState: ~Copyable {
  /// The buffer's limit, unless one frame alone is longer: what is behind it is flushed first. Of this size it stays in a
  /// core's cache between the copy and the write.
  static let bufferByteCount = 256 << 10

  var appendClock: AppendClock
  /// Of the last frame with records that was appended here.
  private var lastTime: WallTime?
  var active: ActiveSegment?
  var buffer = ByteWriter(capacity: WriterState.bufferByteCount)
  var nextLSN: LSN
  var durable: LSN
  /// LSNs below it may be given out: the manifest says so durably.
  var ceiling: LSN

  init(_ state: ManifestState) {
    appendClock = AppendClock(lastAppend: state.lastAppendTime)
    nextLSN = state.ceiling
    durable = state.ceiling.previous
    ceiling = state.ceiling
  }

  /// Puts a frame into the buffer; nil, and nothing was done, when there is no room for it, in the buffer or in the
  /// segment, or no LSN.
  mutating func append(
    _ type: FrameType, flags: FrameFlags, recordCount: Int, payload: RawSpan, time: WallTime
  ) -> Appended? {
    let time = flags.contains(.clockStep) ? time : settled(time)
    guard nextLSN.advanced(by: recordCount) <= ceiling, hasBuffer(for: payload.byteCount),
      active?.fits(payloadByteCount: payload.byteCount) == true,
      // In place: a copy of the segment costs as much as a small frame.
      let appended = active?.encode(
        type, flags: flags, recordCount: recordCount, durable: durable, appendTime: time, payload: payload,
        into: &buffer)
    else { return nil }
    nextLSN = appended.lsns.last.next
    lastTime = time
    return appended
  }

  /// Where a moment stands that was taken before the last frame's, or before a person confirmed an earlier clock.
  private func settled(_ time: WallTime) -> WallTime {
    max(min(time, appendClock.lastAppend ?? time), lastTime ?? time)
  }

  /// Whether the buffer takes a frame without growing; an empty one takes any.
  func hasBuffer(for payloadByteCount: Int) -> Bool {
    let frame = Format.frameHeaderByteCount + Format.aligned(payloadByteCount)
    return buffer.isEmpty || buffer.count + frame <= WriterState.bufferByteCount
  }

  /// Puts a mark into the buffer, behind everything.
  mutating func putMark() {
    guard let time = active?.encoded.place.appendTime else { return }
    _ = active?.encode(
      .mark, recordCount: 0, durable: durable, appendTime: time, payload: RawSpan(), into: &buffer)
  }

  /// Forgets the frames in the buffer, as if they had never been appended.
  mutating func dropBuffer() {
    buffer.removeAll()
    guard let written = active?.written else { return }
    active?.spoiled = true
    active?.encoded = written
    nextLSN = written.place.nextBase
  }
}
