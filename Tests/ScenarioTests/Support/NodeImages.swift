import Foundation
import TestSupport

/// The fixtures' images on the node that runs the real Kubernetes: each is built once per test run.
actor NodeImages {
  static let shared = NodeImages()

  private var made: [String: Task<Void, any Error>] = [:]

  /// The command `image NAME FOLDER`, from the folder that `KUBE_TOOLS` names, else from `shared/kube` next
  /// to the checkout.
  private static func command() throws -> String {
    let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let tools =
      ProcessInfo.processInfo.environment["KUBE_TOOLS"]
      ?? checkout.deletingLastPathComponent().path + "/shared/kube"
    let command = "\(tools)/image"
    guard FileManager.default.isExecutableFile(atPath: command) else {
      throw ToolError("there is no \(command) to make images with; set KUBE_TOOLS to the folder that has it")
    }
    return command
  }

  /// Builds an image if it does not exist yet.
  ///
  /// - Parameter files: by their path from the root. A folder below `/opt/configscripts` becomes a package.
  func have(_ name: String, _ files: [String: String]) async throws {
    if let task = made[name] { return try await task.value }
    let task = Task { try await Self.make(name, files) }
    made[name] = task
    try await task.value
  }

  private static func make(_ name: String, _ files: [String: String]) async throws {
    let command = try command()
    let folder = try TemporaryFolder()
    for (path, content) in files {
      let file = URL(fileURLWithPath: "\(folder.path)/\(path)")
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(content.utf8).write(to: file)
      if path.hasSuffix("/startscript") {
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
      }
    }
    // The embedded node packs it itself.
    let packages = "\(folder.path)/opt/configscripts"
    try await Tool.run([
      "tar", "-C", packages, "-czf", "\(packages)/appconfig.tgz", "--remove-files", "appconfig",
    ])
    try await Tool.run([command, name, folder.path])
  }
}
