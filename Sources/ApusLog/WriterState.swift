import ApusBytes
import ApusSystem

/// What an append changes, in one place: the writer reaches it through one access, which the runtime checks for
/// exclusivity once and not property by property.
///
/// Frames in `buffer` are those of `active` between `written` and `encoded`, and `nextLSN` follows the last of them.
struct WriterState: ~Copyable {
  var appendClock: AppendClock
  var active: ActiveSegment?
  var buffer = ByteWriter(capacity: 64 << 10)
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

  /// Puts a frame into the buffer; nil, and only the clocks were looked at, when there is no room or no LSN for it.
  ///
  /// May be called again with the same times after room was made.
  mutating func append(
    _ type: FrameType, flags: FrameFlags, recordCount: Int, payload: RawSpan, wall: WallTime,
    monotonic: MonotonicTime
  ) throws(ClockJump) -> Appended? {
    let time = try appendClock.stamp(wall: wall, monotonic: monotonic)
    guard nextLSN.advanced(by: recordCount) <= ceiling,
      active?.fits(payloadByteCount: payload.byteCount) == true,
      // In place: a copy of the segment costs as much as a small frame.
      let appended = active?.encode(
        type, flags: flags, recordCount: recordCount, durable: durable, appendTime: time, payload: payload,
        into: &buffer)
    else { return nil }
    nextLSN = appended.lsns.last.next
    return appended
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
