import Diagnostics
import Manifests
import Values

/// Restores one object of a file to an older version of the file, and leaves all other bytes unchanged.
struct FileRestoration {
  var object: ObjectReference
  var path: String
  var defaultNamespace: String

  /// Restores the object in the file's content.
  ///
  /// - Returns: the whole file; nil if the object cannot be restored byte by byte.
  func content(of present: [UInt8], as old: [UInt8]) -> [UInt8]? {
    guard let wanted = document(in: old) else { return nil }
    guard let (here, there) = parts(present, old) else { return nil }
    if Self.isAlone(here), Self.isAlone(there) { return old }
    guard let at = index(in: here), let from = index(in: there) else { return nil }
    var parts = here
    parts[at] = Self.marker(of: here[at]) + there[from].dropFirst(Self.marker(of: there[from]).count)
    // The last document of a file may lack its final newline.
    if at < parts.count - 1, parts[at].last != UInt8(ascii: "\n") { parts[at].append(UInt8(ascii: "\n")) }
    let content = parts.flatMap(\.self)
    return isSound(content, present, wanted) ? content : nil
  }

  /// The documents of both files; nil if they cannot be separated by lines.
  private func parts(_ present: [UInt8], _ old: [UInt8]) -> ([[UInt8]], [[UInt8]])? {
    if path.endsExactly(with: ".json") { return ([present], [old]) }
    guard let here = Self.split(present), let there = Self.split(old) else { return nil }
    return (here, there)
  }

  private func file(_ bytes: [UInt8]) -> ManifestFile {
    ManifestFile.parse(path: path, bytes: bytes, defaultNamespace: defaultNamespace)
  }

  /// The object, if it is a document of its own and not an item of a List.
  private func document(in bytes: [UInt8]) -> JSON? {
    file(bytes).documents.first {
      $0.prefix == .root && $0.reference(defaultNamespace: defaultNamespace) == object
    }?.json
  }

  private func index(in parts: [[UInt8]]) -> Int? {
    let found = parts.indices.filter { document(in: parts[$0]) != nil }
    return found.count == 1 ? found.first : nil
  }

  /// Parses the result to verify it: the object has its old content, and all others are unchanged.
  private func isSound(_ content: [UInt8], _ present: [UInt8], _ wanted: JSON) -> Bool {
    let (made, before) = (file(content), file(present))
    guard made.isWhole, before.isWhole, made.documents.count == before.documents.count else { return false }
    return zip(made.documents, before.documents).allSatisfy { new, old in
      let reference = new.reference(defaultNamespace: defaultNamespace)
      guard reference == old.reference(defaultNamespace: defaultNamespace) else { return false }
      return new.json == (reference == object ? wanted : old.json)
    }
  }

  // MARK: Documents of a YAML file

  /// Whether a file contains only one document.
  private static func isAlone(_ parts: [[UInt8]]) -> Bool { parts.count { !isEmpty($0) } == 1 }

  /// Whether a part contains only comments and white space.
  private static func isEmpty(_ part: [UInt8]) -> Bool {
    part.dropFirst(marker(of: part).count).split(separator: UInt8(ascii: "\n")).allSatisfy { line in
      let first = line.first { ![UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r")].contains($0) }
      return first == nil || first == UInt8(ascii: "#")
    }
  }

  /// The separator line at the start of a document; empty if there is none.
  private static func marker(of part: [UInt8]) -> [UInt8] {
    guard part.starts(with: "---".utf8) else { return [] }
    let end = part.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? part.count
    return Array(part[..<end])
  }

  /// Splits before each line that begins with `---`, which in YAML ends the document before it. Nil for files with
  /// directives, explicit document ends, or other text on a separator line.
  private static func split(_ bytes: [UInt8]) -> [[UInt8]]? {
    var parts: [[UInt8]] = []
    var part: [UInt8] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let end = rest.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? rest.endIndex
      let line = rest[..<end]
      rest = rest[end...]
      if line.starts(with: "%".utf8) || line.starts(with: "...".utf8) { return nil }
      if line.starts(with: "---".utf8) {
        guard line.dropFirst(3).allSatisfy({ [0x20, 0x09, 0x0a, 0x0d].contains($0) }) else { return nil }
        if !part.isEmpty { parts.append(part) }
        part = []
      }
      part += line
    }
    return parts + (part.isEmpty ? [] : [part])
  }
}
