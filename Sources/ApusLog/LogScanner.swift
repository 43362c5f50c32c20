import ApusBytes
import ApusSystem

/// Reads records forward from an LSN, up to where the log was when the scan began.
///
/// Memory is one buffer, whatever is read. Every frame is verified: its checksums, its place, and at a segment's
/// end the seal against the manifest. Damage that loses a record is thrown, and `next` then goes on behind it; so it does
/// behind a wrong seal. Damage that loses none (a mark, a header), or only records whose loss a person accepted, is only
/// noted in `damages`.
package struct LogScanner: ~Copyable {
  private let view: LogView
  private let segments: [SegmentView]
  private let extent: LogView.Extent
  private let pin: LogPin
  private let from: LSN
  private var segmentAt = 0
  private var walker: FrameWalker
  /// Whether a segment is being walked, and where in it.
  private var isWalking = false
  private var place = FramePlace(epoch: 0, first: .first, headerCRC: 0)
  /// Where the walk of that segment ends.
  private var end: UInt64 = 0
  private var tally = Tally()
  /// Whether the current segment was walked without a fault, so that its seal must agree.
  private var isIntact = true

  /// What was found damaged on the way.
  package private(set) var damages: [Damage] = []

  /// Starts at the frame that holds `lsn`, or the next one behind it.
  init(_ reader: LogReader, from lsn: LSN, extent: LogView.Extent) throws(LogError) {
    // Pinned first, then looked: otherwise a segment could go in between.
    pin = reader.pin(from: lsn)
    view = reader.view
    segments = view.segments
    self.extent = extent
    from = lsn
    walker = FrameWalker(seed: FrameSeed(storeID: view.storeID, fileID: FileID(0)), end: 0)
    guard lsn >= view.floor else { throw .belowFloor(lsn, floor: view.floor) }
    while segmentAt < segments.count, let seal = segments[segmentAt].seal, seal.last < lsn {
      segmentAt += 1
    }
  }

  /// The payload of the frame that `next` returned. Valid until the next call.
  package var payload: RawSpan {
    @_lifetime(borrow self)
    get { walker.payload }
  }

  /// Goes to the next frame with records; nil at the end.
  package mutating func next() throws(LogError) -> FrameHeader? {
    while segmentAt < segments.count {
      if isWalking, place.offset < end {
        if try step(), walker.frame.lsns.last >= from { return walker.frame }
      } else if isWalking {
        leave()
      } else {
        guard let first = try open(segments[segmentAt]) else { return nil }
        place = first
        isWalking = true
      }
    }
    return nil
  }

  /// Passes the frame at `place`, or what is there instead of one; whether it holds records.
  @inline(__always)
  private mutating func step() throws(LogError) -> Bool {
    let fault: FrameFault?
    do throws(SystemError) { fault = try walker.fault(at: place.offset) } catch { throw wrapped(error) }
    guard fault == nil, place.fault(of: walker.frame) == nil, walker.frame.type != .seal else {
      try stepAside(fault)
      return false
    }
    walker.add(to: &tally)
    place.pass(walker.frame)
    return walker.frame.type.takesLSN
  }

  /// Passes what is no frame that belongs here, or a seal.
  private mutating func stepAside(_ fault: FrameFault?) throws(LogError) {
    let segment = segments[segmentAt]
    if let fault, fault.isUnsupported {
      throw .unsupported(path: path(of: segment), what: "byte \(place.offset): \(fault)")
    }
    guard fault == nil, place.fault(of: walker.frame) == nil else {
      let damage = try passDamage(in: segment, from: place)
      if damage.lsns.last >= from, !view.accepted.covers(damage.lsns) { throw .damaged(damage) }
      return
    }
    // Whatever it says, nothing of the segment lies behind it.
    leave()
    try checkSeal(of: segment, at: place)
  }

  private func path(of segment: SegmentView) -> String { view.folder.at(segment.record.name) }

  /// Begins with a segment; nil when nothing of it is in the scan's extent.
  private mutating func open(_ segment: SegmentView) throws(LogError) -> FramePlace? {
    guard segment.record.first <= view.end(extent) else { return nil }
    let seed = FrameSeed(storeID: view.storeID, fileID: segment.record.id)
    tally = Tally()
    isIntact = true
    end = segment.end(extent)
    if let file = segment.file {
      walker.turn(to: file, seed: seed, end: end)
    } else {
      let opened = try FrameFile.open(
        path(of: segment), as: .segment, on: view.folder.disk, syncing: false, cached: true)
      if let damage = try opened.headerDamage(of: segment.record, path: path(of: segment)) {
        damages.append(damage)
      }
      walker.turn(to: opened.file, seed: seed, end: end)
    }
    return FramePlace(after: segment.record)
  }

  private mutating func leave() {
    isWalking = false
    segmentAt += 1
  }

  /// Goes on behind bytes that are no frame, or not the right one, and says what they cost.
  private mutating func passDamage(in segment: SegmentView, from place: FramePlace) throws(LogError) -> Damage
  {
    var place = place
    isIntact = false
    let damage: Damage
    if let frame = try walker.nextFrame(after: place, in: .segment) {
      damage = Damage(
        file: segment.record.id, firstByte: place.offset, endByte: frame.offset,
        lsns: LSNRange(place.nextBase, through: frame.base.previous))
      place.resume(at: frame)
    } else {
      let last = segment.seal?.last ?? view.end(extent)
      damage = Damage(
        file: segment.record.id, firstByte: place.offset, endByte: end,
        lsns: LSNRange(place.nextBase, through: last))
      place.skip(to: end, nextBase: max(place.nextBase, last.next))
    }
    damages.append(damage)
    self.place = place
    return damage
  }

  private func checkSeal(of segment: SegmentView, at place: FramePlace) throws(LogError) {
    guard let listed = segment.seal else { return }
    guard let seal = Seal(walker.payload), FileSeal(seal) == listed else {
      throw .foreignFile(path: path(of: segment), why: "its seal is not the one that the manifest lists")
    }
    guard !isIntact || Seal(first: segment.record.first, place: place, tally: tally) == seal else {
      throw .foreignFile(path: path(of: segment), why: "its seal does not add up to its frames")
    }
  }
}
