/// What bounds an encoded key; `KeyEncoding.md` says why.
package enum KeyLimits {
  package static let byteCountMax = 400
}
