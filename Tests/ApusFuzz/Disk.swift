// What comes back from a disk: records and cells of a log, rows of an index, keys, definitions, dead letters, the state's note. Their
// checksums are passed over here, as if the disk had lied in them, too.

import ApusBytes
import ApusContracts
import ApusStore

enum Disk {
  /// Types of every form.
  private static let types: [FeatureType] = [
    .int64, .bool, .string, .float32, .list(of: .int32), .timestamp, .bytes, .list(of: .string), .float64,
    .int32, FeatureType.vector(of: .float32, count: 3) ?? .float32, .list(of: .bool),
  ]
  private static let layout: RowLayout = {
    guard let layout = RowLayout(types) else { disagreement("twelve features are too many") }
    return layout
  }()

  static func records(_ bytes: RawSpan) {
    var walker = RecordWalker(bytes, base: LSN(rawValue: .max - 2))
    var writer = ByteWriter()
    do throws(EventError) {
      while let record = try walker.next() {
        if record.kind == .event, let event = try? EventView(record.body, appendNanoseconds: .max) {
          // Known before the event is refused; `max` as append time is behind every event.
          if event.operation == .upsert, let row = try? event.row(record.lsn, layout: layout) { read(row) }
          // Cells of no bytes are no cells; whoever asks for the row is told so.
          guard event.cellBytes.isEmpty == (event.operation == .delete) else { continue }
          writer.removeAll()
          writer.write(
            EventRecord(event.operation, event.viewVersion, event.recordedTimes), key: event.key,
            cells: event.cellBytes)
          agree(
            writer.bytes.extracting(EventFormat.recordHeaderByteCount...), record.body,
            "an event is written otherwise than it was read")
        }
      }
    } catch {
      return
    }
  }

  static func cells(_ bytes: RawSpan) {
    guard let cells = try? RowCells(bytes, layout: layout), (try? cells.checkContent(layout)) != nil else {
      return
    }
    var builder = RowBuilder(layout)
    do throws(RowError) {
      for slot in layout.slots { try builder.append(try cells.input(slot)) }
    } catch {
      disagreement("cells that were checked cannot be read: \(error)")
    }
    var writer = ByteWriter()
    builder.writeCells(into: &writer)
    agree(writer.bytes, bytes, "cells are written otherwise than they were read")
  }

  static func row(_ bytes: RawSpan) {
    guard let row = try? RowView(bytes, layout: layout) else { return }
    read(row)
  }

  /// Every cell, whatever is in it.
  private static func read(_ row: borrowing RowView) {
    for slot in layout.slots {
      switch row.cells.state(slot.index) {
      case .absent, .null: continue
      case .value: _ = try? row.cells.input(slot)
      }
    }
  }

  /// The first byte says of which parts the key is to be.
  static func key(_ bytes: RawSpan) {
    guard bytes.byteCount > 0 else { return }
    var parts = unsafe bytes.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
    let key = bytes.extracting(1...)
    var encoder = KeyEncoder()
    do throws(BytesError) {
      var decoder = try KeyDecoder(key)
      for _ in 0..<2 {
        switch parts % 6 {
        case 0: try encoder.append(try decoder.readBool())
        case 1: try encoder.append(int32: try decoder.readInt32())
        case 2: try encoder.append(int64: try decoder.readInt64())
        case 3: try encoder.append(timestamp: try decoder.readTimestamp())
        case 4: try encoder.append(string: try decoder.readString())
        default:
          let part = try decoder.readBytes()
          try encoder.append(bytes: unsafe part.span.bytes)
        }
        parts /= 6
      }
      try decoder.finish()
    } catch {
      return
    }
    agree(encoder.bytes, key, "a key is written otherwise than it was read")
  }

  static func registry(_ bytes: RawSpan) {
    guard let change = try? RegistryChange(decoding: bytes.copied()) else { return }
    // Fields that a program may pass over are not kept, so the bytes may differ; what they say may not.
    agree(
      (try? RegistryChange(decoding: change.encoded)) == change, "a change of definitions becomes another")
  }

  static func definitions(_ bytes: RawSpan) {
    // A text of definitions is answered or refused, with words.
    do throws(DefinitionErrors) {
      _ = try DefinitionReader.read([DefinitionFile(name: "a.yaml", bytes: bytes.copied())])
    } catch {
      agree(!"\(error)".isEmpty, "a refusal without a word")
    }
  }

  static func deadLetter(_ bytes: RawSpan) {
    guard let letter = try? DeadLetter(bytes) else { return }
    var writer = ByteWriter()
    writer.write(letter)
    agree(
      writer.bytes.extracting(EventFormat.recordHeaderByteCount...), bytes,
      "a dead letter is written otherwise than it was read")
  }

  static func note(_ bytes: RawSpan) {
    guard let state = try? StoreState(note: bytes) else { return }
    var writer = ByteWriter()
    state.writeNote(into: &writer)
    guard let again = try? StoreState(note: writer.bytes) else {
      disagreement("a note of our own is refused")
    }
    agree(again == state, "a state is another after its note")
  }
}
