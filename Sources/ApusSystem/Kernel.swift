// The one funnel: every system call of the house goes through `Kernel`.
//
// What a call answers is sorted into four kinds, here and nowhere else: an interrupted call is made again;
// "would block" is a value; an errno that only a bug of ours can cause is a trap; the rest is thrown.
//
// A call comes in as a closure that answers as the kernel does: a result, or minus an errno. The shims of
// CLinux read errno in C, right after the call, so that no release of an object can run in between and
// overwrite it. Nothing here may read errno itself.

import CLinux

/// What became of a call that may have found nothing to do yet.
package enum CallResult: Equatable, Sendable {
  case done(Int)
  case wouldBlock
}

package enum Kernel {
  /// Makes a call for which "would block" is an answer like any other.
  package static func ask(
    _ name: StaticString, on subject: @autoclosure () -> String, _ call: () -> Int64
  ) throws(SystemError) -> CallResult {
    while true {
      let answer = call()
      if answer >= 0 { return .done(Int(answer)) }
      let errno = Errno(rawValue: Int32(truncatingIfNeeded: -answer))
      switch errno {
      case .interrupted: continue
      case .wouldBlock: return .wouldBlock
      default:
        trapIfOurs(errno, name)
        throw SystemError("\(name)", errno, on: subject())
      }
    }
  }

  /// Makes a call that never finds nothing to do.
  @discardableResult
  package static func call(
    _ name: StaticString, on subject: @autoclosure () -> String, _ call: () -> Int64
  ) throws(SystemError) -> Int {
    switch try ask(name, on: subject(), call) {
    case .done(let result): return result
    case .wouldBlock: throw SystemError("\(name)", .wouldBlock, on: subject())
    }
  }

  /// Makes a call that must not be made again: after an interrupted `close` the descriptor is gone
  /// already, and its number may be somebody else's.
  package static func callOnce(
    _ name: StaticString, on subject: @autoclosure () -> String, _ call: () -> Int64
  ) throws(SystemError) {
    let answer = call()
    if answer >= 0 { return }
    let errno = Errno(rawValue: Int32(truncatingIfNeeded: -answer))
    if errno == .interrupted { return }
    trapIfOurs(errno, name)
    throw SystemError("\(name)", errno, on: subject())
  }

  /// Makes a call that cannot fail unless we are wrong.
  package static func must(_ name: StaticString, _ answer: Int64) {
    if answer >= 0 { return }
    trap("\(name): \(Errno(rawValue: Int32(truncatingIfNeeded: -answer)))")
  }

  /// A descriptor that is not open, or a pointer to nowhere: going on would read or write what is not ours.
  private static func trapIfOurs(_ errno: Errno, _ name: StaticString) {
    switch errno {
    case .badDescriptor, .badAddress, .notASocket: trap("\(name): \(errno)")
    default: return
    }
  }
}
