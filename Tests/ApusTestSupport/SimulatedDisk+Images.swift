// Every disk that a power cut may leave, one after the other, where there are few enough to try them all.
//
// Each image is a copy; the disk itself goes on as if nothing had happened. What is not being varied is as
// the programs saw it last.

package import ApusSystem

extension SimulatedDisk {
  /// 2^12 images are made in moments.
  package static let variedMax = 12

  /// The sectors of a file that a power cut may take.
  package func unsyncedSectors(of path: String) throws(SystemError) -> [Int] {
    try state.withLock { state throws(SystemError) in
      state.inodes[try state.file(at: path, .open)].unsynced.keys.sorted()
    }
  }

  /// How many changes of names a power cut may undo.
  package var unsyncedNames: Int { state.withLock { $0.tree.unsynced.count } }

  /// One image for each subset of the unsynced sectors of a file, and each size it may have. A sector that
  /// is not in the subset is as the last sync left it.
  package func crashImages(ofSectorsIn path: String) throws(SystemError) -> some Sequence<SimulatedDisk> {
    let sectors = try unsyncedSectors(of: path)
    precondition(sectors.count <= Self.variedMax, "\(sectors.count) unsynced sectors are too many to try all")
    let (inode, sizes) = try state.withLock { state throws(SystemError) in
      let inode = try state.file(at: path, .open)
      return (inode, Array(Set(state.inodes[inode].sizes)).sorted())
    }
    return (0..<sizes.count << sectors.count).lazy.map { image in
      let size = sizes[image >> sectors.count]
      return self.copy { state in
        state.startAnew()
        state.tree.crash { _ in true }
        state.change(inode) { file in
          file.crash(size: size) { sector, _, versions in
            let bit = sectors.firstIndex(of: sector) ?? 0
            return image >> bit & 1 == 1 ? versions[versions.count - 1] : nil
          }
        }
      }
    }
  }

  /// One image for each subset of the unsynced changes of names.
  package func crashImagesOfNames() -> some Sequence<SimulatedDisk> {
    let changes = unsyncedNames
    precondition(changes <= Self.variedMax, "\(changes) unsynced names are too many to try all")
    return (0..<1 << changes).lazy.map { image in
      self.copy { state in
        state.startAnew()
        state.tree.crash { image >> $0 & 1 == 1 }
      }
    }
  }
}
