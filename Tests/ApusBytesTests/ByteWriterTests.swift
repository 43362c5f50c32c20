import ApusBytes
import Testing

@Suite struct ByteWriterTests {
  @Test("what is written lies there in order, little-endian")
  func order() {
    let bytes = written {
      $0.write(0x01 as UInt8)
      $0.write(0x0203 as UInt16)
      $0.write(-2 as Int32)
      $0.write(true)
      $0.write([9, 8])
      $0.write(utf8: "é")
      $0.write(utf8: "")
      $0.writeZeroes(2)
      $0.write([])
    }
    #expect(bytes == hex("01 03 02 fe ff ff ff 01 09 08 c3 a9 00 00"))
  }

  @Test("a new writer holds nothing and allocates nothing")
  func empty() {
    let writer = ByteWriter()
    let state = (writer.count, writer.capacity, writer.isEmpty, writer.bytes.byteCount)
    #expect(state == (0, 0, true, 0))
  }

  @Test("a writer that is emptied keeps its room, and does not grow while that suffices")
  func capacity() {
    var writer = ByteWriter(capacity: 1000)
    let before = writer.capacity
    for _ in 0..<10 {
      writer.removeAll()
      for _ in 0..<125 { writer.write(0 as UInt64) }
    }
    let after = (writer.count, writer.capacity)
    #expect(before == 1000)
    #expect(after == (1000, before))
    writer.write(0 as UInt8)
    let grown = writer.capacity
    #expect(grown >= 2000)
    writer.reserve(5000)
    let reserved = writer.capacity
    #expect(reserved >= 6001)
  }

  @Test("a span of another writer is copied, across growth")
  func spans() {
    var source = ByteWriter()
    source.write(utf8: "0123456789")
    var target = ByteWriter()
    for _ in 0..<100 { target.write(source.bytes) }
    let copied = target.bytes.copied()
    #expect(copied == (0..<100).flatMap { _ in Array("0123456789".utf8) })
  }

  @Test("aligning fills with zeroes, and does nothing when already aligned")
  func align() {
    let bytes = written {
      $0.write([1, 2, 3])
      $0.align(to: 8)
      $0.align(to: 8)
      $0.write([4])
      $0.align(to: 3)
    }
    #expect(bytes == [1, 2, 3, 0, 0, 0, 0, 0, 4])
  }

  @Test("a length may be filled in afterwards")
  func overwrite() {
    let bytes = written {
      $0.write(0 as UInt32)
      $0.write(utf8: "abc")
      $0.overwrite(UInt16($0.count), at: 1)
      $0.overwrite(0x7a as UInt8, at: 6)
    }
    #expect(bytes == hex("00 07 00 00 61 62 7a"))
  }

  @Test("bytes may be replaced by as many others, and a number repeated")
  func overwriteBytes() {
    var writer = ByteWriter()
    writer.write(repeating: 0x0201 as UInt16, count: 3)
    writer.write(repeating: 7 as UInt64, count: 0)
    let others: [UInt8] = [8, 9]
    writer.overwrite(unsafe others.span.bytes, at: 1)
    #expect(writer.bytes.copied() == [1, 8, 9, 2, 1, 2])
    writer.overwrite(RawSpan(), at: 6)
    #expect(writer.count == 6)
  }

  @Test("truncating forgets the end")
  func truncate() {
    let bytes = written {
      $0.write([1, 2, 3])
      $0.truncate(to: 3)
      $0.truncate(to: 1)
      $0.write([9])
    }
    #expect(bytes == [1, 9])
  }

  @Test("bytes are zeroes even where others were before")
  func zeroes() {
    let bytes = written(capacity: 16) {
      $0.write([UInt8](repeating: 0xff, count: 16))
      $0.removeAll()
      $0.writeZeroes(16)
    }
    #expect(bytes == [UInt8](repeating: 0, count: 16))
  }

  @Test("a caller that is wrong is stopped")
  func wrongSelf() async {
    await #expect(processExitsWith: .failure) {
      var writer = ByteWriter()
      writer.write(0 as UInt32)
      writer.overwrite(0 as UInt32, at: 1)
    }
    await #expect(processExitsWith: .failure) {
      var writer = ByteWriter()
      writer.write(0 as UInt32)
      writer.overwrite(0 as UInt8, at: .max)
    }
    await #expect(processExitsWith: .failure) {
      var writer = ByteWriter()
      writer.truncate(to: 1)
    }
    await #expect(processExitsWith: .failure) {
      var writer = ByteWriter(capacity: 8)
      writer.reserve(-1)
    }
    await #expect(processExitsWith: .failure) {
      var writer = ByteWriter()
      writer.write(0 as UInt8)
      writer.reserve(.max)
    }
  }
}
