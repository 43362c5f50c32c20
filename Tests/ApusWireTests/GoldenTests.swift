// The vectors of version 1, kept for good: today's writers must make the same bytes, and both readers understand them.
//
// `APUS_WIRE_VECTORS=write` writes those that are missing, and only those.

import ApusBytes
import ApusContracts
import ApusWire
import Glibc
import Testing

@Suite("Golden messages")
struct GoldenTests {
  private static let folder =
    #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 } + "/Vectors/wire-1"

  private func text(_ name: String) -> String? {
    guard let file = unsafe fopen(Self.folder + "/" + name + ".hex", "r") else { return nil }
    defer { unsafe fclose(file) }
    var text = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe fread(&text, 1, text.count, file)
    return String(decoding: text[..<count], as: UTF8.self)
  }

  /// The bytes; what follows a `#` is for people.
  private func golden(_ name: String) throws -> [UInt8]? {
    guard let text = text(name) else { return nil }
    let digits = text.split(separator: "\n").flatMap { $0.prefix { $0 != "#" } }.compactMap(\.hexDigitValue)
    try #require(digits.count % 2 == 0 && !digits.isEmpty)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }

  /// What a stranger needs: name, fields as text, and the frame in rows of sixteen bytes.
  private func page(_ sample: Sample) -> String {
    var lines = ["# \(sample.name): a frame of type \(sample.type)"]
    if let asked = sample.question {
      lines.append(
        "# to: rows \(asked.rows), layout \(asked.layout.rawValue), options \(asked.options.rawValue); columns:"
      )
      for column in asked.columns {
        lines.append("#   \(column.name) \(column.type)\(column.hasDefault ? ", with a default" : "")")
      }
    }
    if case .fields(let fields) = sample.said {
      for field in fields {
        guard case .list(let items) = field.value, items.count > 1 else {
          lines.append("# \(field.name): \(field.value)")
          continue
        }
        lines.append("# \(field.name):")
        for item in items { lines.append("#   \(item)") }
      }
    }
    let frame = sample.frame
    lines.append("\(hex(frame.prefix(16)))  # header")
    for at in stride(from: 16, to: frame.count, by: 16) {
      let row = frame[at..<min(frame.count, at + 16)]
      let isPadding = at + row.count > 16 + sample.body.count
      lines.append("\(hex(row))  # \(at - 16)\(isPadding ? ", with the zeroes behind the body" : "")")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  @Test(
    "are made by today's writers, byte by byte, and say what their comments say", arguments: GoldenSamples.all
  )
  func bytes(sample: Sample) throws {
    if text(sample.name) == nil, let order = unsafe getenv("APUS_WIRE_VECTORS"),
      unsafe String(cString: order) == "write"
    {
      let file = unsafe try #require(fopen(Self.folder + "/" + sample.name + ".hex", "w"))
      unsafe fputs(page(sample), file)
      unsafe fclose(file)
    }
    let kept = try #require(try golden(sample.name), "there is no \(sample.name)")
    #expect(
      sample.frame == kept,
      "\(sample.name) differs: a change of the protocol needs a feature bit or a version, and vectors beside these"
    )
    #expect(text(sample.name) == page(sample), "\(sample.name) is described otherwise")
  }

  @Test("are understood by both readers", arguments: GoldenSamples.all)
  func readers(sample: Sample) throws {
    let kept = try #require(try golden(sample.name))
    let header = try #require(try FrameHeader.decode(unsafe kept.span.bytes))
    #expect(header.type == sample.type && header.frameByteCount == kept.count && kept.count % 8 == 0)
    let body = Array(kept[16..<(16 + Int(header.length))])
    #expect(kept.dropFirst(16 + body.count).allSatisfy { $0 == 0 })
    #expect(try sample.plain(body, isOurs: true) == sample.said)
    #expect(try sample.ours(body) == sample.said)
  }

  @Test("a compressed body of somebody else's making is understood, and is allowed from its raw length on")
  func compressed() throws {
    let kept = try #require(try golden("compressed/describe-reply"))
    let header = try #require(try FrameHeader.decode(unsafe kept.span.bytes))
    #expect(header.flags == .compressed && header.frameByteCount == kept.count)
    let body = Array(kept[16..<(16 + Int(header.length))])
    var codec = BodyCodec()
    let raw = try codec.decompress(unsafe body.span.bytes, atLeast: 206, atMost: 206)
    let reply = try DescribeReply(decoding: unsafe raw.span.bytes)
    #expect(reply.json == "\"" + String(repeating: "a", count: 200) + "\"")
    #expect(throws: WireError.tooLong(206, max: 205)) {
      try codec.decompress(unsafe body.span.bytes, atLeast: 1, atMost: 205)
    }
    #expect(throws: WireError.self) {
      try codec.decompress(unsafe body.span.bytes, atLeast: 207, atMost: 999)
    }
  }

  @Test("have names of their own, and are of every type that is built")
  func complete() {
    let samples = GoldenSamples.all
    #expect(Set(samples.map(\.name)).count == samples.count)
    let types = Set(samples.map(\.type))
    for type in MessageType.allCases {
      #expect(types.contains(type.rawValue), "\(type)")
      // A DELETE is answered as a PUSH, and frames of a stream by nothing.
      #expect(types.contains(type.reply) || type == .delete || type.isOfStream, "\(type)")
    }
    #expect(types.contains(MessageType.error))
  }
}
