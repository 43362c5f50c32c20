// What the wire's numbers are called in a client's program.

package import ApusBytes

extension ApusClient {
  /// A record's place in the one order of a store's log; 0 is before all. Comparable only within one timeline.
  public struct LSN: RawRepresentable, Comparable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(_ lsn: ApusBytes.LSN) { rawValue = lsn.rawValue }
    package var wire: ApusBytes.LSN { ApusBytes.LSN(rawValue: rawValue) }
    public static func < (a: LSN, b: LSN) -> Bool { a.rawValue < b.rawValue }
    public var description: String { "\(rawValue)" }
  }
}
