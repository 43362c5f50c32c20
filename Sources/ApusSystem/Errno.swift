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
  package static let tooManyOpenFilesInAll = Errno(rawValue: 23)  // ENFILE
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
  package static let protocolError = Errno(rawValue: 71)  // EPROTO
  package static let addressInUse = Errno(rawValue: 98)  // EADDRINUSE
  package static let addressNotAvailable = Errno(rawValue: 99)  // EADDRNOTAVAIL
  package static let networkDown = Errno(rawValue: 100)  // ENETDOWN
  package static let networkUnreachable = Errno(rawValue: 101)  // ENETUNREACH
  package static let connectionAborted = Errno(rawValue: 103)  // ECONNABORTED
  package static let connectionReset = Errno(rawValue: 104)  // ECONNRESET
  package static let noBuffers = Errno(rawValue: 105)  // ENOBUFS
  package static let notConnected = Errno(rawValue: 107)  // ENOTCONN
  package static let timedOut = Errno(rawValue: 110)  // ETIMEDOUT
  package static let connectionRefused = Errno(rawValue: 111)  // ECONNREFUSED
  package static let hostDown = Errno(rawValue: 112)  // EHOSTDOWN
  package static let hostUnreachable = Errno(rawValue: 113)  // EHOSTUNREACH
  package static let inProgress = Errno(rawValue: 115)  // EINPROGRESS
  package static let quotaExceeded = Errno(rawValue: 122)  // EDQUOT

  /// Whether space ran out: a state that passes, unlike other errors of a write.
  package var meansDiskFull: Bool { self == .noSpace || self == .quotaExceeded }

  /// Whether a connection is at its end, for reasons that lie with the peer or the way to it: news, not an error.
  package var meansPeerGone: Bool {
    switch self {
    case .connectionReset, .brokenPipe, .notConnected, .timedOut, .connectionAborted, .connectionRefused,
      .hostDown, .hostUnreachable, .networkDown, .networkUnreachable, .protocolError:
      true
    default: false
    }
  }

  /// Whether the process, or the machine, can have no further descriptor for now.
  package var meansOutOfDescriptors: Bool {
    switch self {
    case .tooManyOpenFiles, .tooManyOpenFilesInAll, .noBuffers, .outOfMemory: true
    default: false
    }
  }
}
