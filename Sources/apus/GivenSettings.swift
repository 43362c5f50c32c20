// The settings that a command line, the environment and a file give, folded into what is in force; and `apus config`, which
// shows it.

import ApusBytes
import ApusLog
import ApusServer
import ApusSystem

/// What the words of a command line say of settings.
struct GivenSettings: Equatable {
  var file: String?
  /// By the setting's name.
  var flags: [String: String] = [:]

  init(file: String? = nil) { self.file = file }

  func effective() throws(Trouble) -> EffectiveConfiguration {
    var read: (name: String, bytes: [UInt8])?
    if let file { read = (file, try SmallFile.bytes(of: file, as: "a file of settings")) }
    do throws(ConfigurationFaults) {
      return try EffectiveConfiguration(file: read, environment: SystemProcess.environment, flags: flags)
    } catch {
      throw Trouble(error)
    }
  }
}

extension Trouble {
  init(_ faults: ConfigurationFaults) {
    self.init(
      "settings_wrong",
      "there \(faults.all.count == 1 ? "is" : "are") \(Numbers.count(faults.all.count, "mistake")) in the settings",
      at: faults.all.map(\.description), next: "mend them; `apus config defaults` explains every setting",
      details: [
        "mistakes": .list(
          faults.all.map { ["where": .text($0.origin.description), "what": .text($0.words)] })
      ])
  }

  init(_ refusal: Configuration.Refusal, from origin: SettingOrigin) {
    self.init(
      "settings_refused", refusal.what, at: "`\(refusal.setting)` (\(origin))", next: refusal.next)
  }
}

extension EffectiveConfiguration {
  /// The values, if they go together.
  func checked() throws(Trouble) -> Configuration {
    if let refusal = values.refusal { throw Trouble(refusal, from: origin(ofNamed: refusal.setting)) }
    return values
  }

  private func origin(ofNamed name: String) -> SettingOrigin {
    Settings.named(name).map(origin(of:)) ?? .usual
  }
}

enum ConfigurationShow {
  static func run(_ given: GivenSettings, isJSON: Bool, _ output: Output) throws(Trouble) -> ExitCode {
    let effective = try given.effective()
    // Shown even where it is refused: that is when people look.
    let refusal = effective.values.refusal
    if isJSON {
      output.line(json(effective, refusal))
    } else {
      var table = Table([("setting", .left), ("value", .left), ("from", .left)])
      for setting in Settings.all {
        table.add([
          setting.name, setting.spelled(in: effective.values), "\(effective.origin(of: setting))",
        ])
      }
      table.lines.forEach { output.line($0) }
      if !effective.warnings.isEmpty { output.line() }
      effective.warnings.forEach { output.line("note: \($0)") }
      if let refusal {
        output.line()
        output.line("REFUSED at `\(refusal.setting)`: \(refusal.what)")
        output.line("  next: \(refusal.next)")
      }
    }
    return refusal == nil ? .done : .failed
  }

  private static func json(_ effective: EffectiveConfiguration, _ refusal: Configuration.Refusal?) -> JSON {
    [
      "settings": .list(
        Settings.all.map { setting in
          [
            "name": .text(setting.name), "value": .text(setting.spelled(in: effective.values)),
            "default": .text(setting.usual), "from": .text("\(effective.origin(of: setting))"),
          ]
        }),
      "warnings": .list(effective.warnings.map { .text($0) }),
      "refused": refusal.map {
        ["setting": .text($0.setting), "what": .text($0.what), "next": .text($0.next)]
      }
        ?? .null,
    ]
  }
}

/// A file that a person names and that must be short.
enum SmallFile {
  static let byteCountMax: UInt64 = 1 << 20

  static func bytes(of path: String, as what: String) throws(Trouble) -> [UInt8] {
    do throws(SystemError) {
      let file = try RealDisk().open(path, .read)
      defer { file.close() }
      let size = try file.size()
      guard size <= byteCountMax else {
        throw SystemError("read", .fileTooLarge, on: path)
      }
      var block = ByteBlock(byteCount: Int(size))
      var target = block.mutableBytes
      let count = try file.readFully(into: &target, at: 0)
      return block.bytes.extracting(..<count).copied()
    } catch {
      throw Trouble(
        "system", "\(what) cannot be read: \(error.call) says \(error.errno)", at: path,
        next: "check the path, and who may read it")
    }
  }
}
