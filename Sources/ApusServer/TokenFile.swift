// The file of tokens in a store's folder, as it is on disk: read whole, and replaced whole (fsync, rename, fsync of the
// folder), so that a reader sees the tokens of before or those of after. Whoever changes it holds `tokens.lock`, which is not
// the store's: a running server keeps on serving, and rereads the file.

import ApusBytes
package import ApusSystem

package enum TokenFileError: Error, Equatable, Sendable {
  case system(SystemError)
  /// The file is not what any table writes: damaged, or edited by hand.
  case unreadable(path: String)
  /// Somebody else is changing it.
  case inUse(path: String, process: Int32?)
}

package struct TokenFile: Sendable {
  package let path: String
  private let folder: String
  private let disk: any Disk

  package init(inFolder folder: String, on disk: any Disk = RealDisk()) {
    self.folder = folder
    self.disk = disk
    path = folder + "/tokens"
  }

  /// A file that is not there is a table without tokens.
  package func read() throws(TokenFileError) -> TokenTable {
    guard let bytes = try readBytes() else { return TokenTable() }
    guard let table = TokenTable(bytes) else { throw .unreadable(path: path) }
    return table
  }

  /// Nil when it is not there.
  private func readBytes() throws(TokenFileError) -> [UInt8]? {
    do throws(SystemError) {
      guard try disk.entry(at: path) != nil else { return nil }
      let file = try disk.open(path, .read)
      defer { file.close() }
      // One byte more than a table may have: a longer file is none.
      let size = min(try file.size(), UInt64(TokenTable.byteCountMax) + 1)
      var block = ByteBlock(byteCount: Int(size))
      var target = block.mutableBytes
      let count = try file.readFully(into: &target, at: 0)
      return block.bytes.extracting(..<count).copied()
    } catch {
      throw .system(error)
    }
  }

  /// Reads, changes and replaces, alone. What the change refuses leaves the file as it was.
  package func change<T, Refusal: Error>(
    _ body: (inout TokenTable) throws(Refusal) -> T
  ) throws(TokenFileError) -> Result<T, Refusal> {
    let lockPath = path + ".lock"
    let outcome: LockOutcome
    do throws(SystemError) { outcome = try disk.lock(lockPath, .exclusive) } catch { throw .system(error) }
    switch outcome {
    case .taken(let process): throw .inUse(path: lockPath, process: process)
    case .held(let lock):
      defer { lock.release() }
      var table = try read()
      let result: T
      do throws(Refusal) { result = try body(&table) } catch { return .failure(error) }
      do throws(SystemError) { try replace(table.bytes) } catch { throw .system(error) }
      return .success(result)
    }
  }

  /// fsync before the rename: otherwise a power cut can leave the name with no bytes.
  private func replace(_ bytes: [UInt8]) throws(SystemError) {
    let temporary = path + ".new"
    // What a killed process left; nobody else is here.
    if try disk.entry(at: temporary) != nil { try disk.remove(temporary) }
    let file = try disk.open(temporary, .create)
    do throws(SystemError) {
      try file.writeAll(unsafe bytes.span.bytes, at: 0)
      try file.syncAll()
      file.close()
      try disk.rename(temporary, to: path)
    } catch {
      file.close()
      try? disk.remove(temporary)
      throw error
    }
    try disk.syncFolder(folder)
  }
}
