// A file, from its first byte to its last, into a sink, block by block. Memory is one window of bytes and one block of rows,
// whatever the file's length; of a file of columns, one row group or batch of the columns that are asked for. What was taken is known by the offset of the last block; what came of each line, by the report.

import ApusBytes
package import ApusContracts
package import ApusSystem

/// Why a load ended before the file did. What the report counts as accepted or set aside is in; the rest is not.
package enum LoadStop<Failure: Error>: Error {
  case read(SystemError)
  case refused(LoadRefusal)
  /// The sink did not take a block.
  case sink(Failure)
  /// More unreadable lines than are named.
  case unreadable(line: Int)
}

package struct FileLoad: ~Copyable {
  /// What the source holds, and how its columns are meant.
  private let target: LoadTarget
  private let options: LoadOptions
  /// The file by its places, for a format that is not read from its beginning; nil where there is none.
  private let file: () throws(SystemError) -> (any DiskFile)?
  private let head: (byteCount: Int, checksum: UInt32)
  private let keepsOffset: Bool
  private var input: Input?
  /// Where an earlier run of the producer ended in this very source; nil to begin at the beginning.
  package let resumption: LoadOffset?
  package private(set) var report = LoadReport()

  /// Looks at the beginning of a source. `stored` is how far the producer came in whatever it read last; `keepsOffset` says
  /// whether offsets are wanted at all, for which as much of the source is awaited as tells it from others. `file` opens the
  /// same source by its places.
  package init(
    _ source: any ByteSource, _ target: LoadTarget, _ options: LoadOptions, stored: LoadOffset? = nil,
    keepsOffset: Bool = false, file: @escaping () throws(SystemError) -> (any DiskFile)? = { nil }
  ) throws(ReadError) {
    var input = Input(source)
    var options = options
    try Self.decideFormat(&options, &input)
    var resumption: LoadOffset?
    do throws(SystemError) {
      if let stored {
        let wanted = Int(stored.headByteCount)
        let head = try input.headChecksum(wanted)
        let isSame = head.byteCount == wanted && head.checksum == stored.headChecksum
        guard isSame || stored.isEnd else { throw ReadErrorBox.otherSource }
        resumption = isSame ? stored : nil
      }
      if let resumption {
        head = (Int(resumption.headByteCount), resumption.headChecksum)
      } else {
        head = keepsOffset ? try input.headChecksum(Input.headByteCountMax) : (0, 0)
      }
    } catch {
      throw error == ReadErrorBox.otherSource ? .refused(.otherSource(source.name)) : .system(error)
    }
    self.resumption = resumption
    self.input = consume input
    self.target = target
    self.options = options
    self.file = file
    self.keepsOffset = keepsOffset
    report.format = options.format
  }

  /// The first bytes know better than a name, and no better than the caller.
  private static func decideFormat(_ options: inout LoadOptions, _ input: inout Input) throws(ReadError) {
    if options.formatSource == .given { return }
    while input.count < FileFormat.markByteCount, try input.more() {}
    if let told = FileFormat.told(by: input.window) {
      options.format = told
    } else if FileFormat.isArrowFile(input.window) {
      throw .refused(.arrowFile)
    } else if options.formatSource == .nothing {
      throw .refused(.unknownFormat)
    }
  }

  /// Stands for what is no error of the kernel, where only such are thrown.
  private enum ReadErrorBox {
    static let otherSource = SystemError("compare", .invalid, on: "source")
  }

  /// Reads to the end. `progress` is told after every block.
  package mutating func run<Sink: RowSink>(
    into sink: Sink, choice: KnownAtChoice, progress: (LoadReport) -> Void = { _ in }
  ) throws(LoadStop<Sink.Failure>) {
    guard let input = input.take() else { return }
    do throws(ReadErrorOr<Sink.Failure>) {
      switch options.format {
      case .csv:
        var reader = try Self.csv(input, target, options, failing: Sink.Failure.self)
        try run(&reader, into: sink, choice, progress)
      case .jsonl:
        var reader = try Self.jsonl(input, target, options, failing: Sink.Failure.self)
        try run(&reader, into: sink, choice, progress)
      case .parquet, .arrow:
        var reader = try columns(input, failing: Sink.Failure.self)
        try run(&reader, into: sink, choice, progress)
      }
    } catch {
      switch error {
      case .read(.system(let error)): throw .read(error)
      case .read(.refused(let refusal)): throw .refused(refusal)
      case .stop(let stop): throw stop
      }
    }
  }

  private enum ReadErrorOr<Failure: Error>: Error {
    case read(ReadError)
    case stop(LoadStop<Failure>)
  }

  private static func csv<F: Error>(
    _ input: consuming Input, _ target: LoadTarget, _ options: LoadOptions, failing: F.Type
  ) throws(ReadErrorOr<F>) -> CSVReader {
    do throws(ReadError) { return try CSVReader(input, target, options) } catch { throw .read(error) }
  }

  private static func jsonl<F: Error>(
    _ input: consuming Input, _ target: LoadTarget, _ options: LoadOptions, failing: F.Type
  ) throws(ReadErrorOr<F>) -> JSONLReader {
    do throws(ReadError) { return try JSONLReader(input, target, options) } catch { throw .read(error) }
  }

  private func columns<F: Error>(
    _ input: consuming Input, failing: F.Type
  ) throws(ReadErrorOr<F>) -> ColumnFileReader {
    do throws(ReadError) {
      if options.format == .arrow { return try ColumnFileReader(stream: input, target, options) }
      let file: (any DiskFile)?
      do throws(SystemError) { file = try self.file() } catch { throw .system(error) }
      guard let file else { throw .refused(.notAFile) }
      return try ColumnFileReader(file, input.name, target, options, isSummed: keepsOffset)
    } catch {
      throw .read(error)
    }
  }

  private mutating func run<Sink: RowSink, Reader: RowReader & ~Copyable>(
    _ reader: inout Reader, into sink: Sink, _ choice: KnownAtChoice, _ progress: (LoadReport) -> Void
  ) throws(ReadErrorOr<Sink.Failure>) {
    var rows: [FileRow] = []
    let rowsMax = Reader.blockRowsMax
    rows.reserveCapacity(rowsMax)
    var isPast = resumption == nil
    if let resumption {
      guard resumption.counts == Reader.counts else { throw .read(.refused(.changedSource(reader.name))) }
      let passed: Int?
      do throws(ReadError) { passed = try reader.pass(to: resumption) } catch { throw .read(error) }
      if let passed {
        report.rows += passed
        report.passedOver += passed
        isPast = true
      }
    }
    var from = reader.byteCount
    var behind = (position: reader.position, checksum: reader.checksum, byteCount: reader.byteCount)
    report.lines = reader.line - 1

    func stands(_ position: UInt64, _ checksum: UInt32) throws(ReadErrorOr<Sink.Failure>) {
      guard !isPast, let resumption, position >= resumption.position else { return }
      guard position == resumption.position, checksum == resumption.checksum else {
        throw .read(.refused(.changedSource(reader.name)))
      }
      isPast = true
    }

    func submit(_ rows: [FileRow], isEnd: Bool) throws(ReadErrorOr<Sink.Failure>) {
      let offset = LoadOffset(
        counts: Reader.counts, position: behind.position, checksum: behind.checksum,
        headByteCount: UInt32(truncatingIfNeeded: head.byteCount), headChecksum: head.checksum, isEnd: isEnd,
        choice: choice)
      let block = RowBlock(event: options.event, columns: reader.columns, rows: rows, offset: offset)
      do throws(Sink.Failure) { settle(try sink.begin(block)) } catch { throw .stop(.sink(error)) }
    }

    func settle(_ blocks: [SettledBlock]) {
      for settled in blocks { report.add(settled.outcome, of: settled.block) }
      progress(report)
    }

    // Whatever ends the load, what was begun before is waited for and told.
    do throws(ReadErrorOr<Sink.Failure>) { try read() } catch {
      if let last = try? sink.finish() { settle(last) }
      throw error
    }
    do throws(Sink.Failure) { settle(try sink.finish()) } catch { throw .stop(.sink(error)) }
    report.isComplete = true

    func read() throws(ReadErrorOr<Sink.Failure>) {

      while true {
        let item: FileItem
        do throws(ReadError) { item = try reader.next() } catch { throw .read(error) }
        report.lines = reader.line - 1
        report.assumedUTC = reader.assumedUTC
        switch consume item {
        case .blank:
          report.blankLines += 1
          try stands(reader.position, reader.checksum)
        case .unreadable(let found):
          guard report.unreadable.count < LoadReport.unreadableMax else {
            throw .stop(.unreadable(line: found.lines.lowerBound))
          }
          report.unreadable.append(found)
          try stands(reader.position, reader.checksum)
        case .row(let row):
          if report.rows == 0, let wanted = reader.wantedUnit {
            throw .read(.refused(.needsTimeUnit(column: wanted.column, value: wanted.value)))
          }
          report.rows += 1
          if let time = row.times.eventTime, report.oldest.map({ time < $0 }) ?? true { report.oldest = time }
          if !isPast {
            report.passedOver += 1
            try stands(reader.position, reader.checksum)
            from = reader.byteCount
          } else {
            if rows.count >= rowsMax || behind.byteCount - from >= UInt64(RowBlock.byteCountMax) {
              try submit(rows, isEnd: false)
              rows.removeAll(keepingCapacity: true)
              from = behind.byteCount
            }
            if !sink.joins(row, behind: rows.count), !rows.isEmpty {
              try submit(rows, isEnd: false)
              rows.removeAll(keepingCapacity: true)
              from = behind.byteCount
            }
            rows.append(row)
          }
          behind = (reader.position, reader.checksum, reader.byteCount)
        case .end:
          try stands(reader.position, reader.checksum)
          // A source that ends before the offset is not the one that was read.
          guard isPast else { throw .read(.refused(.changedSource(reader.name))) }
          behind = (reader.position, reader.checksum, reader.byteCount)
          if !rows.isEmpty { try submit(rows, isEnd: true) }
          return
        }
      }
    }
  }
}
