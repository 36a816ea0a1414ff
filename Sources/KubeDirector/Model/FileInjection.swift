import Values

/// A file that each new container of a role fetches from a server.
public struct FileInjection: Sendable, Hashable {
  public var source: String
  /// The folder in the container.
  public var folder: String
  /// The mode of the file as a number, as in `defaultMode` of a Secret; nil for the default of the container.
  public var mode: Int?
  public var owner: String
  public var group: String

  /// Nil for a value without a source.
  public init?(_ injection: JSON) {
    guard let source = injection["srcURL"]?.string, !source.isEmpty else { return nil }
    self.source = source
    folder = injection["destDir"]?.string ?? ""
    let permissions = injection["permissions"]
    mode = permissions?["fileMode"]?.count()
    owner = permissions?["fileOwner"]?.string ?? ""
    group = permissions?["fileGroup"]?.string ?? ""
  }

  /// The last part of the source's path; nil if that is no name of a file.
  public var name: String? {
    let path = source.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
    // `https://host` has two slashes, and a path has one more.
    let parts = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard parts.count > 3, let last = parts.last, let name = String(last), !["", ".", ".."].contains(name)
    else { return nil }
    return name
  }

  /// Whether the file would be outside of the folders that the daemon writes to, and of the container's root folder.
  public var hasValidFolder: Bool {
    guard let folder = ContainerPath(folder), let name else { return false }
    return ContainerPath.allowsFile(in: folder) && !name.utf8.starts(with: ".kdops-".utf8)
  }

  /// Whether owner and group are names or numbers that a container can have.
  public var hasValidOwner: Bool { [owner, group].allSatisfy(Self.isAccount) }

  private static func isAccount(_ name: String) -> Bool {
    name.utf8.first != UInt8(ascii: "-")
      && name.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
          || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
      }
  }
}
