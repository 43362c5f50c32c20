// A cell's code on the wire: the status that Feast numbers, and for what is not found why.

import ApusContracts
import ApusStore
import ApusWire

extension CellCode {
  init(_ cell: FoundCell, isStale: Bool) {
    switch cell.status {
    case .invalid: self = .invalid
    case .present: self = .present
    case .nullValue: self = .null
    case .outsideMaxAge: self = isStale && cell.content == .null ? .nullOutsideMaxAge : .outsideMaxAge
    case .notFound: self = CellCode(cell.reason ?? .neverSeen)
    }
  }
}
