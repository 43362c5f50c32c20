// Records of kinds 6 to 8: what history is let go of, what is held, what was erased for good. StoreFormat.md has their bytes.

package import ApusBytes
package import ApusContracts
package import ApusHistory
import ApusSystem

/// The operations of kinds 6 to 8.
enum HistoryOperation {
  static let raise: UInt8 = 1
  static let pin: UInt8 = 1
  static let unpin: UInt8 = 2
  static let carriedOut: UInt8 = 1
  /// In a horizon's flags: the oldest event time follows.
  static let oldestEventFlag: UInt8 = 1
  /// In a pin's flags: when it ends follows.
  static let expiresFlag: UInt8 = 1
}

extension ByteWriter {
  package mutating func writeHorizon(_ view: ViewVersionID, _ horizon: Horizon) {
    let start = beginRecord(.horizon)
    write(HistoryOperation.raise)
    writeZeroes(3)
    write(view.rawValue)
    write(horizon)
    endRecord(from: start)
  }

  /// When the pin was set is the frame's append time.
  package mutating func writePin(_ pin: Pin) {
    precondition(Producers.isName(pin.name), "the name of a pin was checked")
    let start = beginRecord(.pin)
    write(HistoryOperation.pin)
    writeZeroes(3)
    write(counted: pin.name)
    write(pin.last.rawValue)
    write(pin.moment.nanoseconds)
    write(behindTimesOf: pin)
    endRecord(from: start)
  }

  package mutating func writeUnpin(_ name: String) {
    precondition(Producers.isName(name), "the name of a pin was checked")
    let start = beginRecord(.pin)
    write(HistoryOperation.unpin)
    writeZeroes(3)
    write(counted: name)
    endRecord(from: start)
  }

  /// The erasures up to `through` are carried out.
  package mutating func writeReceipt(through: LSN, events: UInt64, letters: UInt64, files: [String]) {
    let start = beginRecord(.receipt)
    write(HistoryOperation.carriedOut)
    writeZeroes(3)
    write(receiptThrough: through, events: events, letters: letters, files)
    endRecord(from: start)
  }

  /// What of a pin record and note say alike.
  mutating func write(behindTimesOf pin: Pin) {
    write(pin.expires == nil ? 0 as UInt8 : HistoryOperation.expiresFlag)
    if let expires = pin.expires { write(expires.nanoseconds) }
    write(counted: pin.note)
    writeVarint(UInt64(pin.views.count))
    for view in pin.views { write(view.rawValue) }
  }

  mutating func write(_ horizon: Horizon) {
    write(horizon.oldest == nil ? 0 as UInt8 : HistoryOperation.oldestEventFlag)
    write(horizon.moment.nanoseconds)
    write(horizon.through.rawValue)
    if let oldest = horizon.oldest { write(oldest.nanoseconds) }
  }

  mutating func write(receiptThrough through: LSN, events: UInt64, letters: UInt64, _ files: [String]) {
    write(through.rawValue)
    writeVarint(events)
    writeVarint(letters)
    writeVarint(UInt64(files.count))
    for file in files { write(counted: file) }
  }
}
