import FoundationEssentials
import KubeDirector

/// The file of the setting `pods.configcli`, read when the daemon starts.
enum ConfigCLIArchive {
  /// The file cannot be used.
  struct Unusable: Error, CustomStringConvertible {
    let path: String
    let reason: String
    var description: String {
      "pods.configcli: \(path) \(reason); name a configcli-VERSION.tgz of KubeDirector, or null for the built-in one"
    }
  }

  /// - Parameter path: nil for the daemon's own program.
  static func read(_ path: String?, digest: String?) throws(Unusable) -> ConfigCLI {
    guard let path else { return .own }
    // Not read at all if it is a device or far too large.
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    if let size = attributes?[.size] as? UInt64, size > UInt64(ConfigCLI.largestArchive) {
      throw Unusable(path: path, reason: "is larger than \(ConfigCLI.largestArchive >> 20) MiB")
    }
    guard let content = FileManager.default.contents(atPath: path) else {
      throw Unusable(path: path, reason: "cannot be read")
    }
    let bytes = Array(content)
    if let reason = ConfigCLI.problem(ofArchive: bytes, digest: digest) {
      throw Unusable(path: path, reason: reason)
    }
    return .archive(bytes)
  }
}
