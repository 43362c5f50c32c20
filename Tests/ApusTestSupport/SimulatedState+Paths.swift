// From paths to places, with the errors the kernel gives on the way.

import ApusSystem

extension SimulatedState {
  /// What a path names: the root, or a place that may be empty.
  enum Found {
    case root
    case place(SimulatedTree.Place, SimulatedNode?)
  }

  /// `subject` is what the call is about when that is more than the path.
  func find(
    _ path: String, _ call: DiskCall, on subject: String? = nil
  ) throws(SystemError) -> Found {
    // The kernel knows no empty path.
    if path.isEmpty { throw refusal(call, .noEntry, subject ?? path) }
    var names = path.split(separator: "/").filter { $0 != "." }
    guard let last = names.popLast() else { return .root }
    var folder = SimulatedTree.root
    for name in names {
      switch tree[SimulatedTree.Place(folder: folder, name: String(name))] {
      case .folder(let below): folder = below
      case .file: throw refusal(call, .notAFolder, subject ?? path)
      case nil: throw refusal(call, .noEntry, subject ?? path)
      }
    }
    let place = SimulatedTree.Place(folder: folder, name: String(last))
    return .place(place, tree[place])
  }

  /// A folder that must be there. The kernel finds out by opening it.
  func folder(at path: String, _ call: DiskCall = .open) throws(SystemError) -> Int {
    switch try find(path, call) {
    case .root: return SimulatedTree.root
    case .place(_, .folder(let folder)): return folder
    case .place(_, .file): throw refusal(call, .notAFolder, path)
    case .place(_, nil): throw refusal(call, .noEntry, path)
    }
  }

  /// A file that must be there.
  func file(at path: String, _ call: DiskCall) throws(SystemError) -> Int {
    switch try find(path, call) {
    case .root, .place(_, .folder): throw refusal(call, .isAFolder, path)
    case .place(_, .file(let inode)): return inode
    case .place(_, nil): throw refusal(call, .noEntry, path)
    }
  }

  /// A place that must be empty.
  func vacancy(at path: String, _ call: DiskCall) throws(SystemError) -> SimulatedTree.Place {
    guard case .place(let place, nil) = try find(path, call) else { throw refusal(call, .exists, path) }
    return place
  }
}
