// A set on its way to somebody: an Arrow stream in pieces, none of which is held once it was handed over.

import ApusBytes
package import ApusColumnar
import ApusSystem

/// Used by one thread.
package final class StreamedSet: ExportSink {
  private let sink: Pieces
  private var box: Box?

  /// `hand` may wait; it says false when nobody wants any more.
  package init(pieceByteCount: Int, hand: @escaping ([UInt8]) -> Bool) {
    sink = Pieces(pieceByteCount, hand)
  }

  package func begin(_ schema: ColumnSchema) throws(ExportError) {
    do throws(ColumnarError) { box = Box(try ArrowStreamWriter(schema, to: sink)) } catch { throw why(error) }
  }

  package func write(_ batch: ColumnBatch) throws(ExportError) {
    do throws(ColumnarError) { try box?.stream.write(batch) } catch { throw why(error) }
  }

  package func finish() throws(ExportError) {
    do throws(ColumnarError) { try box?.stream.finish() } catch { throw why(error) }
    do throws(SystemError) { try sink.flush() } catch { throw why(.system(error)) }
  }

  private func why(_ error: ColumnarError) -> ExportError { sink.isUnwanted ? .cancelled : .columns(error) }

  /// A class cannot hold what cannot be copied as something that may not be there yet.
  private final class Box {
    var stream: ArrowStreamWriter
    init(_ stream: consuming ArrowStreamWriter) { self.stream = stream }
  }

  private final class Pieces: ColumnSink {
    private(set) var byteCount: UInt64 = 0
    private(set) var isUnwanted = false
    private var gathered: [UInt8] = []
    private let most: Int
    private let hand: ([UInt8]) -> Bool

    init(_ most: Int, _ hand: @escaping ([UInt8]) -> Bool) {
      self.most = most
      self.hand = hand
    }

    func write(_ bytes: RawSpan) throws(SystemError) {
      byteCount += UInt64(bytes.byteCount)
      var at = 0
      while at < bytes.byteCount {
        let count = min(most - gathered.count, bytes.byteCount - at)
        gathered += bytes.extracting(at..<(at + count)).copied()
        at += count
        if gathered.count == most { try flush() }
      }
    }

    func flush() throws(SystemError) {
      guard !gathered.isEmpty else { return }
      let piece = gathered
      gathered = []
      guard hand(piece) else {
        isUnwanted = true
        throw SystemError("send", .brokenPipe, on: "the stream of the set")
      }
    }
  }
}

/// A set that nobody keeps: only what it is counts.
package final class NoSet: ExportSink {
  package init() {}
  package func begin(_ schema: ColumnSchema) {}
  package func write(_ batch: ColumnBatch) {}
  package func finish() {}
}
