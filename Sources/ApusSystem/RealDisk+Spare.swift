// A descriptor of nothing, to be given up when none is left.

import CLinux

extension RealDisk {
  package static func spareDescriptor() throws(SystemError) -> OwnedDescriptor {
    let raw = try Kernel.call("open", on: "/dev/null") { unsafe linux_open("/dev/null", LINUX_READ, 0) }
    return OwnedDescriptor(Int32(raw))
  }
}
