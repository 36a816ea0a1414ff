/// The root of a container while it is created from an image's files.
///
/// Nothing is written outside it: a path that leaves it is refused, and no link is followed.
public struct RootFolder: Sendable {
  let folder: OpenFolder

  /// Writes one file, and creates its parent folders.
  ///
  /// - Parameter path: relative to the root, with `/` between names, as bytes.
  /// - Throws: if a name is empty, `.` or `..` or has a zero byte, or if something other than a folder is in
  ///   the way.
  public func write(_ bytes: [UInt8], to path: [UInt8], isExecutable: Bool) throws {
    let (parent, name) = try place(path)
    try parent.write(bytes, to: name, mode: isExecutable ? 0o755 : 0o644)
  }

  /// Creates a link. Any target is accepted, because links are checked after all files were written.
  func link(_ path: [UInt8], to target: String) throws {
    let (parent, name) = try place(path)
    try parent.link(name, to: target)
  }

  private func place(_ path: [UInt8]) throws -> (parent: OpenFolder, name: String) {
    let text = String(decoding: path, as: UTF8.self)
    guard let parts = SafeFolder.components(text), let name = parts.last,
      parts.joined(separator: "/").utf8.elementsEqual(path)
    else { throw FileError("the image's file \"\(text)\" does not lie below the container's root") }
    return (try folder.make(parts.dropLast(), owner: nil), name)
  }
}
