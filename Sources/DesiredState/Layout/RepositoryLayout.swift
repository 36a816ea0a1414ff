import Diagnostics
import GitStore
import Manifests
import Values

/// The settings of `.kdops.yaml` at a repository's root: where files are, and which images the embedded node can pull.
///
/// Anyone with write access to the repository can change the file, so no setting in it grants a permission.
public struct RepositoryLayout: Sendable, Hashable {
  public static let path = ".kdops.yaml"

  public var apps: [String] = ["apps/**"]
  public var clusters: [String] = ["clusters/**"]
  public var defaultNamespace = "default"
  public var images: [Image] = []

  /// An image that the embedded node can pull.
  public struct Image: Sendable, Hashable {
    /// A glob over the whole reference.
    public var image: String
    /// A folder of the repository whose files are copied over the pod's root.
    public var rootfs: String?
    public var pull: Duration = .zero
    public var start: Duration = .zero
    /// True if the container crashes right after each start.
    public var crash = false
  }

  public init() {}

  /// Parses the file; missing settings keep their defaults.
  ///
  /// - Returns: the layout and the findings. If one of the findings is an error, the layout must not be used: a misread
  ///   glob would make objects look deleted.
  public static func parse(_ bytes: [UInt8]) -> (layout: RepositoryLayout, findings: [Diagnostic]) {
    var reader = LayoutReader(file: SettingsFile(path: path, bytes: bytes))
    reader.read()
    return (reader.layout, reader.file.findings)
  }

  /// The files that may contain objects: inside the globs.
  public func selection() throws(GitError) -> PathSelection {
    try PathSelection(patterns: apps + clusters)
  }

  /// Whether a text is the path of one folder below the root: names between single slashes, none of them `.` or `..`,
  /// without glob wildcards.
  static func isFolder(_ path: String) -> Bool {
    // Compare bytes: a slash with a combining mark after it is one Character, and still a separator.
    let bytes = Array(path.utf8)
    let wildcards = Array("*?[{".utf8)
    if bytes.contains(where: { $0 < 0x20 || $0 == 0x7f || wildcards.contains($0) }) { return false }
    return bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { name in
      !name.isEmpty && !name.elementsEqual(".".utf8) && !name.elementsEqual("..".utf8)
    }
  }

  /// Whether a path has the extension of a manifest.
  static func isManifest(_ path: String) -> Bool {
    [".json", ".yaml", ".yml"].contains { path.endsExactly(with: $0) }
  }

  /// Whether an entry of a tree is read, or must be reported because it cannot be read.
  static func mayHoldObjects(_ entry: TreeEntry) -> Bool { isManifest(entry.path) || !entry.isFile }

  /// Whether the same files have the same objects under both layouts.
  func hasSamePlaces(as other: RepositoryLayout) -> Bool {
    (apps, clusters, defaultNamespace) == (other.apps, other.clusters, other.defaultNamespace)
  }
}

/// Parses the file and collects findings.
private struct LayoutReader {
  static let rule = "layout/schema"
  /// The limits bound the work: every name of a tree is matched against each glob, and every image reference against
  /// each image.
  static let globLimit = 64
  static let imageLimit = 1000
  static let imageLength = 512
  var file: SettingsFile
  var layout = RepositoryLayout()

  mutating func read() {
    guard let json = file.json else { return }
    guard let members = json.object else {
      return file.report(
        Self.rule, at: .root, "\(RepositoryLayout.path) must hold settings, not \(json.typeName)")
    }
    for (key, value) in members {
      let at: FieldPath = [.key(key)]
      switch key {
      case "schemaVersion":
        if value.integer != 1 {
          file.report(
            Self.rule, at: at, "schemaVersion \(word(value)) is not known here",
            hint: "write schemaVersion: 1")
        }
      case "apps": layout.apps = globs(value, at) ?? layout.apps
      case "clusters": layout.clusters = globs(value, at) ?? layout.clusters
      case "defaultNamespace":
        if let name = value.string, DNSName.isLabel(name) {
          layout.defaultNamespace = name
        } else {
          file.report(
            Self.rule, at: at, "defaultNamespace must be the name of a namespace",
            hint: "at most 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit"
          )
        }
      case "embedded": readEmbedded(value, at)
      default: unknown(key, at, among: ["schemaVersion", "apps", "clusters", "defaultNamespace", "embedded"])
      }
    }
  }

  private func word(_ value: JSON) -> String {
    value.string.map { Redaction.excerpt($0, limit: 60) }
      ?? (value.integer == nil ? value.typeName : value.text())
  }

  private mutating func unknown(_ key: String, _ at: FieldPath, among known: [String]) {
    let shown = String(decoding: key.utf8.prefix(100), as: UTF8.self)
    file.report(
      Self.rule, at: at, of: .key, "\(shown) is not a setting",
      hint: NearMiss.suggestion(for: key, among: known).map { "did you mean `\($0)`?" }
        ?? "known here: \(known.joined(separator: ", "))")
  }

  private mutating func globs(_ value: JSON, _ at: FieldPath) -> [String]? {
    guard let list = value.array, case let globs = list.compactMap(\.string), globs.count == list.count else {
      file.report(Self.rule, at: at, "\(at) must be a list of globs", hint: "write [\"\(at)/**\"]")
      return nil
    }
    guard globs.count <= Self.globLimit else {
      file.report(
        Self.rule, at: at, "\(at) has \(globs.count) globs, more than the \(Self.globLimit) that are read",
        hint: "name whole folders, such as [\"\(at)/**\"]")
      return nil
    }
    var isValid = true
    for (index, glob) in globs.enumerated() {
      do { _ = try PathGlob(glob) } catch {
        file.report(Self.rule, at: at + [.index(index)], error.message, hint: error.hint)
        isValid = false
      }
    }
    // A layout never has a glob that cannot be parsed, so `selection()` of it does not throw.
    return isValid ? globs : nil
  }

  private mutating func readEmbedded(_ value: JSON, _ at: FieldPath) {
    guard let members = value.object else {
      return file.report(Self.rule, at: at, "embedded must hold settings")
    }
    for (key, value) in members {
      let at = at + [.key(key)]
      guard key == "images" else {
        unknown(key, at, among: ["images"])
        continue
      }
      guard let list = value.array else {
        file.report(Self.rule, at: at, "embedded.images must be a list")
        continue
      }
      guard list.count <= Self.imageLimit else {
        file.report(
          Self.rule, at: at,
          "embedded.images has \(list.count) entries, more than the \(Self.imageLimit) that are read",
          hint: "let one entry stand for several images, such as \"registry.example/spark:1.*\"")
        continue
      }
      for (index, entry) in list.enumerated() { readImage(entry, at + [.index(index)]) }
    }
  }

  private mutating func readImage(_ entry: JSON, _ at: FieldPath) {
    guard let name = entry["image"]?.string, !name.isEmpty else {
      return file.report(
        Self.rule, at: at, "\(at) names no image", hint: "add image: \"registry.example/spark:1.*\"")
    }
    guard name.utf8.count <= Self.imageLength else {
      return file.report(
        Self.rule, at: at + ["image"], "image is longer than \(Self.imageLength) bytes",
        hint: "write it like \"registry.example/spark:1.*\"")
    }
    var image = RepositoryLayout.Image(image: name)
    for (key, value) in entry.object ?? [:] {
      let at = at + [.key(key)]
      switch key {
      case "image": break
      case "rootfs":
        if let folder = value.string, RepositoryLayout.isFolder(folder) {
          image.rootfs = folder
        } else {
          file.report(
            Self.rule, at: at, "rootfs must be one folder below the repository's root, without wildcards",
            hint: "write images/spark/1.0")
        }
      case "pull": image.pull = duration(value, at) ?? image.pull
      case "start": image.start = duration(value, at) ?? image.start
      case "crash":
        if let crash = value.bool {
          image.crash = crash
        } else {
          file.report(Self.rule, at: at, "crash is true or false")
        }
      default: unknown(key, at, among: ["image", "rootfs", "pull", "start", "crash"])
      }
    }
    layout.images.append(image)
  }

  private mutating func duration(_ value: JSON, _ at: FieldPath) -> Duration? {
    if let text = value.string, let duration = Duration(written: text) { return duration }
    file.report(Self.rule, at: at, "\(at) is no duration", hint: "write 500ms, 1s or 5m")
    return nil
  }
}
