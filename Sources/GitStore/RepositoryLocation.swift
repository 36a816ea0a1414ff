/// The locations of a repository's parts: enough to open it again on another handle.
struct RepositoryLocation: Sendable, Hashable {
  /// A folder in a repository (the repository is searched upward) or a `.git` folder.
  var path: String
  /// False if `path` is the git folder itself and its parents are not searched.
  var search = true
  /// An index file other than the repository's own.
  var indexFile: String?
  /// The folder for new objects during a push (git's quarantine), instead of the repository's own store.
  var objectFolder: String?
  /// Further object stores, read only.
  var alternateObjectFolders: [String] = []
  /// The work tree, if it is not beside the git folder.
  var workTree: String?

  init(path: String) { self.path = path }

  /// Reads the variables that git sets for a hook: `GIT_DIR`, `GIT_INDEX_FILE`, `GIT_OBJECT_DIRECTORY`,
  /// `GIT_ALTERNATE_OBJECT_DIRECTORIES` and `GIT_WORK_TREE`.
  ///
  /// libgit2's own implementation rejects `GIT_WORK_TREE`, which git sets for hooks of linked work trees.
  ///
  /// - Parameters:
  ///   - path: the search path without `GIT_DIR`; relative values are resolved against it, because git starts
  ///     hooks there.
  init(path: String, environment: [String: String]) {
    func resolved(_ name: String) -> String? {
      guard let value = environment[name], !value.isEmpty else { return nil }
      return Self.absolute(value, from: path)
    }
    self.init(path: path)
    if let folder = resolved("GIT_DIR") {
      self.path = folder
      search = false
    }
    indexFile = resolved("GIT_INDEX_FILE")
    objectFolder = resolved("GIT_OBJECT_DIRECTORY")
    workTree = resolved("GIT_WORK_TREE")
    alternateObjectFolders = Self.list(environment["GIT_ALTERNATE_OBJECT_DIRECTORIES"] ?? "")
      .map { Self.absolute($0, from: path) }
  }

  private static func absolute(_ path: String, from base: String) -> String {
    if path.utf8.first == UInt8(ascii: "/") { return path }
    return base.utf8.last == UInt8(ascii: "/") ? base + path : base + "/" + path
  }

  /// Parses paths separated by `:`; a path that begins with `"` is quoted as in C, so that it may contain a
  /// `:`.
  private static func list(_ text: String) -> [String] {
    var paths: [String] = []
    var current: [UInt8] = []
    var rest = Array(text.utf8)[...]
    var quoted = false
    func flush() {
      if !current.isEmpty { paths.append(String(decoding: current, as: UTF8.self)) }
      current = []
    }
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\"") where quoted || current.isEmpty: quoted.toggle()
      case UInt8(ascii: "\\") where quoted: if let next = rest.popFirst() { current.append(next) }
      case UInt8(ascii: ":") where !quoted: flush()
      default: current.append(byte)
      }
    }
    flush()
    return paths
  }
}
