/// A number by which the kernel says why it refused.
package struct Errno: RawRepresentable, Equatable, Hashable, Sendable {
  package let rawValue: Int32
  package init(rawValue: Int32) { self.rawValue = rawValue }
}

// Linux's numbers, written out: they are part of the kernel's contract with programs, the same on every
// machine this house runs on, and a test compares them with the C headers.
extension Errno {
  package static let notPermitted = Errno(rawValue: 1)  // EPERM
  package static let noEntry = Errno(rawValue: 2)  // ENOENT
  package static let interrupted = Errno(rawValue: 4)  // EINTR
  package static let inputOutput = Errno(rawValue: 5)  // EIO
  package static let noDevice = Errno(rawValue: 6)  // ENXIO
  package static let badDescriptor = Errno(rawValue: 9)  // EBADF
  package static let wouldBlock = Errno(rawValue: 11)  // EAGAIN
  package static let outOfMemory = Errno(rawValue: 12)  // ENOMEM
  package static let accessDenied = Errno(rawValue: 13)  // EACCES
  package static let badAddress = Errno(rawValue: 14)  // EFAULT
  package static let busy = Errno(rawValue: 16)  // EBUSY
  package static let exists = Errno(rawValue: 17)  // EEXIST
  package static let notAFolder = Errno(rawValue: 20)  // ENOTDIR
  package static let isAFolder = Errno(rawValue: 21)  // EISDIR
  package static let invalid = Errno(rawValue: 22)  // EINVAL
  package static let tooManyOpenFiles = Errno(rawValue: 24)  // EMFILE
  package static let fileTooLarge = Errno(rawValue: 27)  // EFBIG
  package static let noSpace = Errno(rawValue: 28)  // ENOSPC
  package static let readOnlyDisk = Errno(rawValue: 30)  // EROFS
  package static let brokenPipe = Errno(rawValue: 32)  // EPIPE
  package static let notEmpty = Errno(rawValue: 39)  // ENOTEMPTY
  package static let linkLoop = Errno(rawValue: 40)  // ELOOP
  package static let illegalBytes = Errno(rawValue: 84)  // EILSEQ
  package static let notASocket = Errno(rawValue: 88)  // ENOTSOCK
  package static let notSupported = Errno(rawValue: 95)  // EOPNOTSUPP
  package static let timedOut = Errno(rawValue: 110)  // ETIMEDOUT
  package static let quotaExceeded = Errno(rawValue: 122)  // EDQUOT

  /// Whether space ran out: a state that passes, unlike other errors of a write.
  package var meansDiskFull: Bool { self == .noSpace || self == .quotaExceeded }
}
