/// An absolute path inside a container in normalized form: `//d/./a/` is `/d/a`. Compared as bytes, as the kernel
/// does.
public struct ContainerPath: Sendable, Hashable {
  /// The path's components, each followed by a zero byte. In this byte order, the contents of a folder follow directly
  /// after it.
  private let names: [UInt8]

  /// The longest path that Linux accepts, in bytes.
  private static let limit = 4096

  /// - Parameter text: `..` is resolved textually: `/a/../b` is `/b`.
  /// - Returns: Nil for the root itself, for a path that is not absolute or too long, and for one with a zero byte.
  public init?(_ text: String) {
    guard text.utf8.first == UInt8(ascii: "/"), text.utf8.count < Self.limit, !text.utf8.contains(0) else {
      return nil
    }
    var parts: [Substring.UTF8View] = []
    for part in text.utf8.split(separator: UInt8(ascii: "/")) {
      if part.elementsEqual(".".utf8) { continue }
      if part.elementsEqual("..".utf8) { _ = parts.popLast() } else { parts.append(part) }
    }
    guard !parts.isEmpty else { return nil }
    names = parts.flatMap { Array($0) + [0] }
  }

  /// The path as text, such as `/d/a`.
  public var text: String {
    "/"
      + names.dropLast().split(separator: 0).map { String(decoding: $0, as: UTF8.self) }.joined(
        separator: "/")
  }

  /// Whether the path is inside another folder; no folder is inside itself.
  public func lies(in folder: ContainerPath) -> Bool {
    names.count > folder.names.count && names.starts(with: folder.names)
  }

  /// The paths that equal another of the paths or are inside it, each with the outermost path that contains it; both
  /// as positions. Takes as long as sorting the paths.
  public static func nested(_ paths: [ContainerPath]) -> [(inner: Int, outer: Int)] {
    let order = paths.indices.sorted { left, right in
      paths[left].names == paths[right].names
        ? left < right : paths[left].names.lexicographicallyPrecedes(paths[right].names)
    }
    var found: [(inner: Int, outer: Int)] = []
    var outer: Int?
    for index in order {
      if let outer, paths[index].names.starts(with: paths[outer].names) {
        found.append((index, outer))
      } else {
        outer = index
      }
    }
    return found
  }

  /// The paths without those that are inside another of them or repeat it, in their original order.
  public static func outermost(_ paths: [ContainerPath]) -> [ContainerPath] {
    let inner = Set(nested(paths).map(\.inner))
    return paths.indices.filter { !inner.contains($0) }.map { paths[$0] }
  }
}
