// What libFuzzer calls, once per input. The target is built only for it (`Tests/Torture/fuzz.sh`): libFuzzer brings `main`.

import Glibc

/// Which decoder this process attacks.
private let judge: Judge = {
  let name = unsafe getenv("APUS_FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
  guard let judge = Judge(rawValue: name) else {
    let names = "APUS_FUZZ_TARGET is one of\n\(Judge.allCases.map(\.rawValue).joined(separator: " "))\n"
    unsafe write(2, names, names.utf8.count)
    _exit(2)
  }
  return judge
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func oneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = unsafe UnsafeRawBufferPointer(start: start, count: count)
  judge.judge(unsafe bytes.bytes)
  return 0
}
