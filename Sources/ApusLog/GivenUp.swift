package import ApusBytes
package import ApusSystem

/// A file of history that a person gave up, whole or in part. It is never taken back: whoever reads what it held is told so, for good.
package struct GivenUp: Equatable, Sendable {
  package var file: FileID
  package var kind: FileKind
  /// The view version of a run; 0 for a ledger.
  package var view: UInt32
  /// What the file spoke for.
  package var lsns: LSNRange
  /// Events, or frames and letters of a ledger, that cannot be read any more.
  package var lost: UInt64
  /// The wall time of the giving up, for people.
  package var time: WallTime
  /// No event of the file became true after this.
  package var newestEvent: WallTime
  /// The newest rows lack nothing: what lost events had won was written again before.
  package var isHeld: Bool
  /// Bounds of the keys of lost events; both empty: they may be of any key.
  package var least: [UInt8]
  package var greatest: [UInt8]

  package init(
    file: FileID, kind: FileKind, view: UInt32, lsns: LSNRange, lost: UInt64, time: WallTime,
    newestEvent: WallTime, isHeld: Bool, least: [UInt8] = [], greatest: [UInt8] = []
  ) {
    self.file = file
    self.kind = kind
    self.view = view
    self.lsns = lsns
    self.lost = lost
    self.time = time
    self.newestEvent = newestEvent
    self.isHeld = isHeld
    self.least = least
    self.greatest = greatest
  }

  /// Whether an event of this key may be among what is lost.
  package func mayHold(_ key: RawSpan) -> Bool {
    if lost == 0 { return false }
    if least.isEmpty, greatest.isEmpty { return true }
    let (above, below) = unsafe (key.compare(to: least.span.bytes), key.compare(to: greatest.span.bytes))
    return above >= 0 && below <= 0
  }

  func encode(into writer: inout ByteWriter) {
    writer.write(file.rawValue)
    writer.write(kind.rawValue)
    writer.write(UInt64(view))
    writer.write(lsns.first.rawValue)
    writer.write(lsns.last.rawValue)
    writer.write(lost)
    writer.write(time.nanoseconds)
    writer.write(newestEvent.nanoseconds)
    writer.write(isHeld ? 1 as UInt64 : 0)
    writer.write(UInt64(least.count))
    writer.write(UInt64(greatest.count))
    writer.write(least)
    writer.write(greatest)
  }

  /// What is clamped here does not come out the same, which the caller compares.
  init(from reader: inout ByteReader) throws(BytesError) {
    file = try reader.readID()
    kind = FileKind(rawValue: try reader.read())
    let view: UInt64 = try reader.read()
    self.view = UInt32(clamping: view)
    lsns = LSNRange(try reader.readLSN(), through: try reader.readLSN())
    lost = try reader.read()
    time = WallTime(nanoseconds: try reader.read())
    newestEvent = WallTime(nanoseconds: try reader.read())
    isHeld = try reader.read() == 1 as UInt64
    let leastCount: UInt64 = try reader.read()
    let greatestCount: UInt64 = try reader.read()
    least = try reader.readArray(Int(clamping: leastCount))
    greatest = try reader.readArray(Int(clamping: greatestCount))
  }
}

extension GivenUp: CustomStringConvertible {
  package var description: String {
    let noun = kind == .run ? "event" : "frame or letter"
    let what = "\(lost) \(noun)\(lost == 1 ? "" : "s")" + (kind == .run ? " of view version \(view)" : "")
    return "\(what) in \(lsns), which file \(file) held, given up at \(time)"
      + (isHeld ? "; the newest rows lack nothing" : "")
  }
}
