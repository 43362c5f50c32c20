// A set as a file. It has its name only when it is whole and on disk, and then its manifest stands beside it; before, it has a name of this process that
// the next export to the same place removes once the process is gone.

import ApusBytes
package import ApusColumnar
package import ApusSystem

package enum SetFormat: String, CaseIterable, Sendable {
  case parquet, arrow, csv

  /// What a file's name says of it.
  package static func named(by path: String) -> SetFormat? {
    if path.hasSuffix(".parquet") { return .parquet }
    if path.hasSuffix(".arrow") || path.hasSuffix(".arrows") { return .arrow }
    return path.hasSuffix(".csv") ? .csv : nil
  }
}

/// Used by one thread.
package final class SetFile: ExportSink {
  package let path: String
  package let manifestPath: String
  private let format: SetFormat
  private let disk: any Disk
  private let threads: Int
  private let draft: String
  private let file: any DiskFile
  private let sink: FileSink
  private var rows: Rows = .none
  private var isOver = false

  private enum Rows {
    case none
    case parquet(ParquetWriter)
    case arrow(ArrowBox)
    case csv(CSVSet)
  }

  private final class ArrowBox {
    var stream: ArrowStreamWriter
    init(_ stream: consuming ArrowStreamWriter) { self.stream = stream }
  }

  /// With several threads, several columns of a Parquet file are written at once.
  package init(
    _ path: String, _ format: SetFormat, on disk: any Disk, threads: Int = 1
  ) throws(ExportError) {
    self.threads = threads
    self.path = path
    self.format = format
    self.disk = disk
    manifestPath = Self.manifestPath(of: path)
    let place = Drafts(path)
    do throws(SystemError) {
      if let entry = try disk.entry(at: path), entry.isFolder {
        throw SystemError("open", .isAFolder, on: path)
      }
      try place.clear(disk)
      draft = place.own
      file = try disk.open(draft, .create)
    } catch {
      throw .system(error)
    }
    sink = FileSink(file)
  }

  deinit { if !isOver { abandon() } }

  /// `train.parquet` has `train.manifest.json` beside it.
  package static func manifestPath(of path: String) -> String {
    for format in [".parquet", ".arrow", ".arrows", ".csv"] where path.hasSuffix(format) {
      return String(path.dropLast(format.count)) + ".manifest.json"
    }
    return path + ".manifest.json"
  }

  /// Where files without names may be made for it.
  package static func scratch(for path: String, on disk: any Disk) -> ScratchFiles {
    let drafts = Drafts(path)
    return ScratchFiles(disk, in: drafts.folder, prefix: drafts.ownName + "-")
  }

  package func begin(_ schema: ColumnSchema) throws(ExportError) {
    do throws(ColumnarError) {
      switch format {
      case .parquet:
        let crew = threads > 1 ? Crew(threads, name: "apus-set") : nil
        rows = .parquet(try ParquetWriter(schema, to: sink, crew: crew))
      case .arrow: rows = .arrow(ArrowBox(try ArrowStreamWriter(schema, to: sink)))
      case .csv: rows = .csv(try CSVSet(schema, to: sink))
      }
    } catch {
      throw .columns(error)
    }
  }

  package func write(_ batch: ColumnBatch) throws(ExportError) {
    do throws(ColumnarError) {
      switch rows {
      case .none: break
      case .parquet(let writer): try writer.append(batch)
      case .arrow(let box): try box.stream.write(batch)
      case .csv(let set): try set.write(batch)
      }
    } catch {
      throw .columns(error)
    }
  }

  package func finish() throws(ExportError) {
    do throws(ColumnarError) {
      switch rows {
      case .none: break
      case .parquet(let writer): _ = try writer.finish()
      case .arrow(let box): try box.stream.finish()
      case .csv(let set): try set.finish()
      }
    } catch {
      throw .columns(error)
    }
    do throws(SystemError) {
      try sink.flush()
      try file.syncAll()
    } catch {
      throw .system(error)
    }
  }

  /// Bytes of the set.
  package var byteCount: UInt64 { sink.byteCount }

  /// Gives set and manifest their names. A crash on the way leaves the set of before, or the new one without a manifest, or both new.
  package func publish(manifest: [UInt8]) throws(ExportError) {
    let draftManifest = draft + "-manifest"
    do throws(SystemError) {
      let second = try disk.open(draftManifest, .create)
      try second.writeAll(unsafe manifest.span.bytes, at: 0)
      try second.syncAll()
      // A manifest beside a set that is not its own would be believed.
      if try disk.entry(at: manifestPath) != nil { try disk.remove(manifestPath) }
      try disk.rename(draft, to: path)
      try disk.rename(draftManifest, to: manifestPath)
      try disk.syncFolder(Drafts(path).folder)
      isOver = true
    } catch {
      throw .system(error)
    }
  }

  /// Removes what was written.
  package func abandon() {
    isOver = true
    try? disk.remove(draft)
    try? disk.remove(draft + "-manifest")
  }
}

/// The names of what is not whole yet: `.train.parquet.4711.draft`, with the id of its process.
private struct Drafts {
  let folder: String
  private let name: String
  let ownName: String

  init(_ path: String) {
    let cut = path.lastIndex(of: "/")
    folder = cut.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    name = "." + (cut.map { String(path[path.index(after: $0)...]) } ?? path) + "."
    ownName = "\(name)\(SystemProcess.id).draft"
  }

  var own: String { "\(folder)/\(ownName)" }

  /// Removes what processes left that are no more, and what this one left.
  func clear(_ disk: any Disk) throws(SystemError) {
    for found in try disk.names(in: folder) where found.hasPrefix(name) {
      let parts = found.dropFirst(name.count).split(separator: ".", maxSplits: 1)
      guard parts.count == 2, parts[1].hasPrefix("draft"), let process = Int32(parts[0]) else { continue }
      let isThere = try disk.entry(at: "/proc/\(process)") != nil
      if !isThere || process == SystemProcess.id { try disk.remove("\(folder)/\(found)") }
    }
  }
}
