// What goes wrong on a simulated disk: by chance, or as planned for the n-th call.

import ApusSystem

/// Probabilities of what may go wrong at every call. None by default.
package struct DiskFaults: Sendable {
  /// A write takes fewer bytes than it was given, at least one.
  package var shortWrites = 0.0
  /// A read gives fewer bytes than it could, at least one.
  package var shortReads = 0.0
  /// EIO.
  package var writeErrors = 0.0
  /// EIO.
  package var readErrors = 0.0
  /// EIO, of files and folders. What was to be synced is called clean and never written.
  package var syncErrors = 0.0
  /// How likely each sector of a failed sync has reached the disk all the same.
  package var failedSyncArrivals = 0.0

  package init() {}
}

/// What is to go wrong at certain calls, counted from one.
struct FaultPlan: Sendable {
  struct Moment: Hashable {
    /// Nil counts calls of every kind.
    let call: DiskCall?
    let number: Int
  }

  enum Fault {
    case error(Errno)
    case short(Int)
  }

  private var faults: [Moment: Fault] = [:]

  mutating func add(_ fault: Fault, at moment: Moment) { faults[moment] = fault }

  func fault(at call: DiskCall, number: Int, ofAll total: Int) -> Fault? {
    if faults.isEmpty { return nil }
    return faults[Moment(call: call, number: number)] ?? faults[Moment(call: nil, number: total)]
  }
}
