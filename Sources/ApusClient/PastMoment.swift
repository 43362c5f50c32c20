// Which moment a question about the past is asked of.

import ApusContracts
package import ApusWire

extension ApusClient {
  public enum Moment: Hashable, Sendable {
    /// Everything that the server shows; ages as of its clock.
    case newest
    /// Everything up to an LSN, under the definitions as of it; ages as of the time, in nanoseconds since 1970.
    case lsn(LSN, timeNanoseconds: Int64)
    /// What was known by a time, in nanoseconds since 1970.
    case known(byNanoseconds: Int64)

    package var wire: AskedMoment {
      switch self {
      case .newest: .newest
      case .lsn(let lsn, let time): .lsn(lsn.wire, at: ReadTime(nanoseconds: time))
      case .known(let time): .known(by: ReadTime(nanoseconds: time))
      }
    }
  }
}
