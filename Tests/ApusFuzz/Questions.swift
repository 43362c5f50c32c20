// GET: its head is written again from what was read, and its keys behind it, as many as there are.

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
}
