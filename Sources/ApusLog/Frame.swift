package import ApusBytes
package import ApusSystem

/// What a frame's header says, after its checksum matched: where it lies, how long it is, which LSNs it holds.
///
/// Only `FrameFormat.decode` makes one from bytes, so no length in here was believed before it was checked.
package struct FrameHeader: Equatable, Sendable {
  /// The frame's first byte in its file.
  package var offset: UInt64
  package var type: FrameType
  package var flags: FrameFlags
  package var payloadByteCount: Int
  /// The first record's LSN; without records, the LSN that the next record will take.
  package var base: LSN
  package var recordCount: Int
  package var epoch: UInt32
  /// The highest LSN known to be synced when the frame was written.
  package var durable: LSN
  package var appendTime: WallTime
  package var payloadCRC: UInt32
  /// The header checksum of the frame before.
  package var chain: UInt32
  package var headerCRC: UInt32

  /// The header of no frame: none that was decoded has LSN 0 for its base.
  static let none = FrameHeader(
    offset: 0, type: .mark, flags: [], payloadByteCount: 0, base: .none, recordCount: 0, epoch: 0,
    durable: .none,
    appendTime: WallTime(nanoseconds: 0), payloadCRC: 0, chain: 0, headerCRC: 0)

  /// Bytes of the whole frame: header, payload, padding.
  package var byteCount: Int { Format.frameHeaderByteCount + Format.aligned(payloadByteCount) }
  package var end: UInt64 { offset + UInt64(byteCount) }
  /// The LSN that the frame after this one begins with.
  package var nextBase: LSN { base.advanced(by: recordCount) }
  package var lsns: LSNRange { LSNRange(base, through: nextBase.previous) }
}

/// What a frame is for. The raw values are on disk.
package enum FrameType: UInt8, Sendable, CaseIterable {
  /// What a request wrote; the payload is the store's business.
  case records = 1
  /// Says up to where the log was durable.
  case mark = 2
  /// The last frame of a finished segment.
  case seal = 3
  /// A person confirmed the clock after a jump.
  case clock = 4
  /// A manifest's edit that begins from nothing.
  case snapshot = 5
  /// A manifest's edit.
  case edit = 6

  package var name: String {
    switch self {
    case .records: "records"
    case .mark: "mark"
    case .seal: "seal"
    case .clock: "clock"
    case .snapshot: "snapshot"
    case .edit: "edit"
    }
  }

  /// Whether frames of this type take LSNs (or edit numbers).
  package var takesLSN: Bool {
    switch self {
    case .records, .clock, .snapshot, .edit: true
    case .mark, .seal: false
    }
  }
}

package struct FrameFlags: OptionSet, Sendable, Hashable {
  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The append time may be earlier than that of the frame before: a person confirmed a clock that was set back.
  package static let clockStep = FrameFlags(rawValue: 1)
  static let known: FrameFlags = [.clockStep]
}

/// Why the bytes at an offset are no frame, or not the frame that belongs there.
package enum FrameFault: Error, Equatable, Sendable {
  // The bytes are no whole frame.
  case beyondEnd
  case magic
  case headerChecksum
  case payloadChecksum
  // A whole frame, but not the one that belongs here.
  case epoch(expected: UInt32, found: UInt32)
  case chain(expected: UInt32, found: UInt32)
  case base(expected: LSN, found: LSN)
  case durable(LSN, base: LSN)
  case appendTime
  case recordCount(Int)
  // The header passed its checksum: a newer program wrote it.
  case length(Int)
  case unknownType(UInt8)
  case unknownFlags(UInt8)
  case notZero

  /// Whether the frame is fine and this program too old for it.
  package var isUnsupported: Bool {
    switch self {
    case .unknownType, .unknownFlags, .notZero, .length: true
    default: false
    }
  }
}

extension FrameFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .beyondEnd: "the file ends inside the frame"
    case .magic: "no frame begins here"
    case .headerChecksum: "the frame's header fails its checksum"
    case .length(let length): "the frame claims a payload of \(length) bytes"
    case .payloadChecksum: "the frame's payload fails its checksum"
    case .epoch(let expected, let found): "the frame is of epoch \(found), not \(expected)"
    case .chain(let expected, let found):
      "the frame follows one with checksum \(hex(found)), not \(hex(expected))"
    case .base(let expected, let found): "the frame begins at LSN \(found), not \(expected)"
    case .durable(let durable, let base): "the frame at LSN \(base) calls LSN \(durable) durable"
    case .appendTime: "the frame's append time is earlier than that of the frame before"
    case .recordCount(let count): "a frame of this type cannot hold \(count) records"
    case .unknownType(let type): "the frame is whole, but of type \(type), which this program does not know"
    case .unknownFlags(let flags):
      "the frame is whole, but has flags \(flags), which this program does not know"
    case .notZero: "the frame is whole, but uses bytes that this program knows as zero"
    }
  }
}
