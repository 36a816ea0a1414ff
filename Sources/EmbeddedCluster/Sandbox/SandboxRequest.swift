/// A request to run one command in a container.
struct SandboxRequest: Sendable {
  /// A folder of the node, and its identity from when it was opened without following a link.
  struct Folder: Sendable, Hashable {
    var path: String
    /// See `OpenFolder.identity`.
    var identity: String
  }

  struct Bind: Sendable, Hashable {
    var source: Folder
    var path: String
    var isReadOnly: Bool
  }

  /// The folder that becomes the container's root.
  var root: Folder
  /// The mounts over the root, outer folders first.
  var binds: [Bind]
  var hostname: String
  var environment: [String: String]
  var command: [String]
  /// The size of `/dev/shm` in bytes; nil for the default of the node.
  var sharedMemory: Int?
  /// Folders whose files count towards the disk limit.
  var measured: [String] = []
}

extension SandboxRequest.Folder {
  init(_ folder: OpenFolder) throws { self.init(path: folder.path, identity: try folder.identity()) }
}
