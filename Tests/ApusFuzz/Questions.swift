// GET and EXPLAIN: their heads are written again from what was read, and their keys behind them, as many as there are. And receipts as
// people keep them.

import ApusBytes
import ApusWire

enum Questions {
  static func get(_ bytes: RawSpan) {
    var writer = ByteWriter()
    do throws(WireError) {
      let request = try GetRequest(decoding: bytes)
      if let exact = request.exact, let time = request.exactTime {
        GetRequest.encode(
          handle: request.handle, rows: request.rows, layout: request.layout, options: request.options,
          exact: exact, time: time, into: &writer)
      } else {
        GetRequest.encode(
          handle: request.handle, rows: request.rows, layout: request.layout, options: request.options,
          minimum: request.minimum, into: &writer)
      }
      var keys = request.keys
      while !keys.isAtEnd { writer.write(short: try keys.next()) }
      try keys.finish()
    } catch {
      return
    }
    agree(writer.bytes, bytes, "GET is written otherwise than it was read")
  }
  static func explain(_ bytes: RawSpan) {
    var writer = ByteWriter()
    do throws(WireError) {
      let request = try ExplainRequest(decoding: bytes)
      ExplainRequest.encode(handle: request.handle, rows: request.rows, request.moment, into: &writer)
      var keys = request.keys
      while !keys.isAtEnd { writer.write(short: try keys.next()) }
      try keys.finish()
    } catch {
      return
    }
    agree(writer.bytes, bytes, "EXPLAIN is written otherwise than it was read")
  }

  /// A receipt's text, and what PREPARE calls a fingerprint.
  static func receipt(_ bytes: RawSpan) {
    guard let text = bytes.validatedString() else { return }
    if let receipt = AnswerReceipt(text) { agree(receipt.text == text, "a receipt is written otherwise") }
    if let fingerprint = AnswerReceipt.fingerprint(ofName: text) {
      agree(AnswerReceipt.name(ofFingerprint: fingerprint) == text, "a fingerprint is written otherwise")
    }
  }
}
