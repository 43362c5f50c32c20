import ApusSystem
import Glibc
import Testing

@Suite("An errno")
struct ErrnoTests {
  private static let named: [(Errno, Int32, String)] = [
    (.notPermitted, EPERM, "EPERM (operation not permitted)"),
    (.noEntry, ENOENT, "ENOENT (no such file or directory)"),
    (.interrupted, EINTR, "EINTR (interrupted system call)"),
    (.inputOutput, EIO, "EIO (input/output error)"),
    (.noDevice, ENXIO, "ENXIO (no such device or address)"),
    (.badDescriptor, EBADF, "EBADF (bad file descriptor)"),
    (.wouldBlock, EAGAIN, "EAGAIN (resource temporarily unavailable)"),
    (.wouldBlock, EWOULDBLOCK, "EAGAIN (resource temporarily unavailable)"),
    (.outOfMemory, ENOMEM, "ENOMEM (cannot allocate memory)"),
    (.accessDenied, EACCES, "EACCES (permission denied)"),
    (.badAddress, EFAULT, "EFAULT (bad address)"),
    (.busy, EBUSY, "EBUSY (device or resource busy)"),
    (.exists, EEXIST, "EEXIST (file exists)"),
    (.notAFolder, ENOTDIR, "ENOTDIR (not a directory)"),
    (.isAFolder, EISDIR, "EISDIR (is a directory)"),
    (.invalid, EINVAL, "EINVAL (invalid argument)"),
    (.tooManyOpenFiles, EMFILE, "EMFILE (too many open files)"),
    (.fileTooLarge, EFBIG, "EFBIG (file too large)"),
    (.noSpace, ENOSPC, "ENOSPC (no space left on device)"),
    (.readOnlyDisk, EROFS, "EROFS (read-only file system)"),
    (.brokenPipe, EPIPE, "EPIPE (broken pipe)"),
    (.notEmpty, ENOTEMPTY, "ENOTEMPTY (directory not empty)"),
    (.linkLoop, ELOOP, "ELOOP (too many levels of symbolic links)"),
    (.illegalBytes, EILSEQ, "EILSEQ (invalid or incomplete multibyte or wide character)"),
    (.notASocket, ENOTSOCK, "ENOTSOCK (socket operation on non-socket)"),
    (.notSupported, EOPNOTSUPP, "EOPNOTSUPP (operation not supported)"),
    (.timedOut, ETIMEDOUT, "ETIMEDOUT (connection timed out)"),
    (.quotaExceeded, EDQUOT, "EDQUOT (disk quota exceeded)"),
  ]

  @Test("has the number of the C headers, and says its name and meaning", arguments: named.indices)
  func number(_ index: Int) {
    let (errno, number, text) = Self.named[index]
    #expect(errno.rawValue == number)
    #expect(errno.description == text)
  }

  @Test("without a name of ours still says what it means")
  func unnamed() {
    #expect(Errno(rawValue: ECONNREFUSED).description == "ECONNREFUSED (connection refused)")
    #expect(
      Errno(rawValue: 0).description == "errno 0 (unknown)" || Errno(rawValue: 0).description.hasPrefix("0"))
    #expect(Errno(rawValue: 12_345).description == "errno 12345 (unknown)")
    #expect(Errno(rawValue: -1).description == "errno -1 (unknown)")
  }

  @Test("means a full disk for space and quota alone", arguments: named.indices)
  func full(_ index: Int) {
    let errno = Self.named[index].0
    #expect(errno.meansDiskFull == (errno == .noSpace || errno == .quotaExceeded))
  }
}
