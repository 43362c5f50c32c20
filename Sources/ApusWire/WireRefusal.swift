// The body of an error: for programs a code, for people three lines. A code that this version does not know is kept as a
// number, and its class says what to do.

package import ApusBytes

package struct WireRefusal: Error, Equatable, Sendable {
  package struct Detail: Equatable, Sendable {
    package var name: String
    package var value: String
    package init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }
  }

  /// Nil when another program's list is longer than ours.
  package let code: WireCode?
  package let number: UInt16
  package let `class`: WireClass
  /// Not before so many milliseconds; 0 when nobody knows, and for all but *retry*.
  package var waitMilliseconds: UInt32
  package var what: String
  package var `where`: String
  package var next: String
  /// Names are view, feature, row, rule, lsn, …; at most 65,535.
  package var details: [Detail]

  package init(
    _ code: WireCode, _ what: String, where place: String = "", next: String = "",
    waitMilliseconds: UInt32 = 0,
    details: [Detail] = []
  ) {
    self.code = code
    number = code.rawValue
    self.class = code.class
    self.waitMilliseconds = code.class == .retry ? waitMilliseconds : 0
    self.what = what
    self.where = place
    self.next = next
    self.details = details
  }

  /// What a peer is told about bytes that cannot be read.
  package init(_ error: WireError) {
    switch error {
    case .malformed(let what, let at):
      self.init(.malformed, what, where: "byte \(at)", next: "mend the client: Protocol.md has the bytes")
    case .tooLong(let found, let max):
      self.init(
        .tooLong, "\(found) bytes, where at most \(max) are allowed", next: "send less at a time",
        details: [Detail("max", "\(max)")])
    }
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(number)
    writer.write(`class`.rawValue)
    writer.write(0 as UInt8)
    writer.write(waitMilliseconds)
    writer.write(text: what)
    writer.write(text: `where`)
    writer.write(text: next)
    writer.write(count: details.count)
    for detail in details {
      writer.write(short: detail.name)
      writer.write(text: detail.value)
    }
  }

  package init(decoding body: RawSpan) throws(WireError) {
    var reader = BodyReader(body)
    number = try reader.number("an error's code")
    let code = WireCode(rawValue: number)
    self.code = code
    let rawClass = try reader.number("an error's class", as: UInt8.self)
    guard let found = WireClass(rawValue: rawClass), found == code?.class ?? found else {
      throw .malformed("an error with code \(number) has the class \(rawClass)", at: 2)
    }
    self.class = found
    try reader.zero(1)
    waitMilliseconds = try reader.number("an error's wait")
    guard waitMilliseconds == 0 || found == .retry else {
      throw .malformed("an error that no waiting mends asks for it", at: 4)
    }
    what = try reader.text("an error's text")
    `where` = try reader.text("an error's place")
    next = try reader.text("an error's advice")
    details = []
    for _ in 0..<(try reader.count("details", as: UInt16.self, ofAtLeast: 6)) {
      details.append(Detail(try reader.short("a detail's name"), try reader.text("a detail's value")))
    }
    try reader.finish("an error")
  }
}
