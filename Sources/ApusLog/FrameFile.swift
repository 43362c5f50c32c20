import ApusBytes
package import ApusSystem

/// An opened file of frames whose header was looked at.
package struct FrameFile: Sendable {
  package let file: any DiskFile
  package let byteCount: UInt64
  package let header: Result<FileHeader, HeaderFault>

  /// Opens a file for reading, and for writing too when `syncing`; nothing is written.
  ///
  /// What is read is the disk's word, unless `cached`: then the kernel's memory of a finished file is good enough.
  package static func open(
    _ path: String, as kind: FileHeader.Kind, on disk: any Disk, syncing: Bool, cached: Bool = false
  ) throws(LogError) -> FrameFile {
    try wrapping { () throws(SystemError) in
      let file = try disk.open(path, syncing ? .readWrite : .read)
      if syncing { try file.syncData() }
      if !cached { try file.dropCache() }
      var block = ByteBlock(byteCount: Format.headerByteCount)
      var target = block.mutableBytes
      let count = try file.readFully(into: &target, at: 0)
      let bytes = block.bytes.extracting(..<count)
      let header: Result<FileHeader, HeaderFault>
      do throws(HeaderFault) {
        header = .success(try FileHeader.decode(bytes, as: kind))
      } catch {
        header = .failure(error)
      }
      return FrameFile(file: file, byteCount: try file.size(), header: header)
    }
  }
}

extension FrameFile {
  /// What is wrong with the header of a segment that the manifest lists; nil when nothing is.
  ///
  /// The manifest knows all that a header says, so a damaged one loses no record.
  package func headerDamage(of record: FileRecord, path: String) throws(LogError) -> Damage? {
    let damage = Damage(
      file: record.id, firstByte: 0, endByte: UInt64(Format.headerByteCount),
      lsns: LSNRange(record.first, through: record.first.previous))
    switch header {
    case .failure(let fault) where fault.isUnsupported:
      throw .unsupported(path: path, what: fault.description)
    case .failure: return damage
    case .success(let header): return header.crc == record.headerCRC ? nil : damage
    }
  }
}
