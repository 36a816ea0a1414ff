import FoundationEssentials

/// The settings file that `--config` names.
struct ConfigurationFile {
  let path: String
  let bytes: [UInt8]

  /// - Throws: `Unreadable` if the file cannot be read.
  init(_ path: String) throws(Unreadable) {
    guard let content = FileManager.default.contents(atPath: path) else { throw Unreadable(path: path) }
    (self.path, bytes) = (path, Array(content))
  }

  struct Unreadable: Error, CustomStringConvertible {
    let path: String

    var description: String {
      "the settings file \(path) cannot be read; check the path and who may read it"
    }
  }
}
