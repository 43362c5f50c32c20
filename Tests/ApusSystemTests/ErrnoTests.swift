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
    (.protocolError, EPROTO, "EPROTO (protocol error)"),
    (.addressInUse, EADDRINUSE, "EADDRINUSE (address already in use)"),
    (.networkDown, ENETDOWN, "ENETDOWN (network is down)"),
    (.networkUnreachable, ENETUNREACH, "ENETUNREACH (network is unreachable)"),
    (.connectionAborted, ECONNABORTED, "ECONNABORTED (software caused connection abort)"),
    (.connectionReset, ECONNRESET, "ECONNRESET (connection reset by peer)"),
    (.noBuffers, ENOBUFS, "ENOBUFS (no buffer space available)"),
    (.notConnected, ENOTCONN, "ENOTCONN (transport endpoint is not connected)"),
    (.connectionRefused, ECONNREFUSED, "ECONNREFUSED (connection refused)"),
    (.hostDown, EHOSTDOWN, "EHOSTDOWN (host is down)"),
    (.hostUnreachable, EHOSTUNREACH, "EHOSTUNREACH (no route to host)"),
    (.inProgress, EINPROGRESS, "EINPROGRESS (operation now in progress)"),
    (.tooManyOpenFilesInAll, ENFILE, "ENFILE (too many open files in system)"),
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
    #expect(Errno(rawValue: EDEADLK).description == "EDEADLK (resource deadlock avoided)")
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

  @Test("of a peer that is gone, and of descriptors that have run out, is none of a disk")
  func sorted() {
    for (errno, _, _) in Self.named {
      #expect([errno.meansPeerGone, errno.meansOutOfDescriptors, errno.meansDiskFull].count { $0 } <= 1)
    }
    #expect(Errno.connectionReset.meansPeerGone && Errno.brokenPipe.meansPeerGone)
    #expect(Errno.tooManyOpenFiles.meansOutOfDescriptors && Errno.tooManyOpenFilesInAll.meansOutOfDescriptors)
  }
}
