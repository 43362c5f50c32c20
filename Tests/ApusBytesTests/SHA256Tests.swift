import ApusBytes
import Testing

@Suite struct SHA256Tests {
  private func digest(_ bytes: [UInt8]) -> String { "\(SHA256.digest(of: unsafe bytes.span.bytes))" }

  /// FIPS 180-4's examples, and NIST's vectors for the lengths around a block.
  static let published: [(text: [UInt8], digest: String)] = [
    ([], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (Array("abc".utf8), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      Array(
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
          .utf8),
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
    ),
    ([0xbd], "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b"),
    ([0xc9, 0x8c, 0x8e, 0x55], "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504"),
    ([UInt8](repeating: 0, count: 55), "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7"),
    ([UInt8](repeating: 0, count: 56), "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb"),
    ([UInt8](repeating: 0, count: 57), "65a16cb7861335d5ace3c60718b5052e44660726da4cd13bb745381b235a1785"),
    ([UInt8](repeating: 0, count: 64), "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"),
    ([UInt8](repeating: 0, count: 1000), "541b3e9daa09b20bf85fa273e5cbd3e80185aa4ec298e765db87742b70138a53"),
    (
      [UInt8](repeating: 0x61, count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ]

  @Test("the published vectors come out", arguments: 0..<12)
  func published(index: Int) {
    #expect(digest(Self.published[index].text) == Self.published[index].digest)
  }

  @Test("bytes in pieces come to the same as at once")
  func pieces() {
    var random = SplitMix64(seed: 7)
    for _ in 0..<300 {
      let bytes = random.bytes(random.below(400))
      var sha = SHA256()
      var at = 0
      while at < bytes.count {
        let count = 1 + random.below(min(bytes.count - at, 130))
        let piece = Array(bytes[at..<(at + count)])
        sha.update(unsafe piece.span.bytes)
        _ = sha.digest
        at += count
      }
      #expect("\(sha.digest)" == digest(bytes))
    }
  }

  @Test("a digest is read back from its digits, and from nothing else")
  func text() {
    let text = digest([1, 2, 3])
    #expect(SHA256.Digest(text)?.description == text)
    #expect(SHA256.Digest(text.dropLast()) == nil)
    #expect(SHA256.Digest(text.dropLast() + "g") == nil)
    #expect(SHA256.Digest([UInt8](repeating: 0, count: 31)) == nil)
  }
}
