import Diagnostics
import HashTreeCollections
import KubeDirector
import Manifests
import Values

/// The objects of one revision, or the live objects.
///
/// A value that is cheap to copy. Loading one changed file costs the same with ten clusters as with a hundred thousand.
/// The snapshot of a head is therefore made from that of its base: copy, then `update` each file that differs.
public struct Snapshot: Sendable {
  /// The namespace of objects whose file does not set one.
  public let defaultNamespace: String
  /// Returns the bytes of a file of the revision, for the line and column of findings; called only if there are
  /// findings. If it is nil or returns nil, findings are placed at the beginning of the file.
  public var contents: (@Sendable (_ path: String) -> [UInt8]?)?

  var apps = Definitions<App>()
  var clusters = Definitions<Cluster>()
  var index = ClusterIndex()
  /// The content of each file with objects or findings.
  private(set) var files: TreeDictionary<ExactString, FileContent> = [:]
  /// The files that could not be read completely. No object may count as deleted because it is missing from them.
  private(set) var broken: TreeSet<ExactString> = []
  /// Files that are read only when needed; nil if all are loaded.
  private(set) var unread: Unread?

  /// The number of values in all files, loaded or not.
  public var valueCount: Int { loadedValues + (unread?.valueCount ?? 0) }
  private var loadedValues = 0

  struct FileContent: Sendable {
    var objects: [ObjectReference]
    var findings: [Diagnostic]
    var valueCount = 0
  }

  /// Creates an empty snapshot.
  public init(
    defaultNamespace: String = "default", contents: (@Sendable (_ path: String) -> [UInt8]?)? = nil
  ) {
    self.defaultNamespace = defaultNamespace
    self.contents = contents
  }

  /// Creates a snapshot of these files.
  public init(
    files: some Sequence<ManifestFile>, defaultNamespace: String = "default",
    contents: (@Sendable (_ path: String) -> [UInt8]?)? = nil
  ) {
    self.init(defaultNamespace: defaultNamespace, contents: contents)
    for file in files { update(file) }
  }

  /// Creates a snapshot of an archive. Its files are read only when their objects are needed.
  public init(_ archive: any Archive, defaultNamespace: String) {
    self.init(defaultNamespace: defaultNamespace)
    let unread = Unread(archive, defaultNamespace: defaultNamespace)
    self.unread = unread
    for path in unread.readAlways { loadFile(path) }
  }

  /// The first file that could not be read to its end and whose name without extension is the given one.
  func brokenFile(named name: String) -> String? {
    broken.map(\.wrappedValue).filter { path in
      let file = path.utf8.split(separator: UInt8(ascii: "/")).last ?? path.utf8[...]
      return file.starts(with: Array("\(name).".utf8))
        && !file.dropFirst(name.utf8.count + 1).contains(UInt8(ascii: "."))
    }.min()
  }

  // MARK: Changes

  /// Moves a file from the archive into the loaded part.
  private mutating func loadFile(_ path: String) {
    guard let file = unread?.take(path) else { return }
    take(file)
  }

  /// The snapshot with every file loaded.
  var completed: Snapshot {
    guard let unread else { return self }
    var whole = self
    for path in unread.paths { whole.loadFile(path) }
    whole.unread = nil
    return whole
  }

  /// Loads a file and replaces the previous content of its path.
  /// - Returns: What the judge must judge because of it.
  @discardableResult
  public mutating func update(_ file: ManifestFile) -> Changes {
    update(SnapshotFile(file, defaultNamespace: defaultNamespace))
  }

  /// Loads a file that was read with the default namespace of this snapshot, and replaces the previous content of its
  /// path.
  /// - Returns: What the judge must judge because of it.
  @discardableResult
  public mutating func update(_ file: SnapshotFile) -> Changes {
    var changes = remove(path: file.path)
    changes.files.insert(ExactString(file.path))
    changes.objects.formUnion(take(file))
    return changes
  }

  /// - Returns: The objects of the file.
  @discardableResult
  private mutating func take(_ file: SnapshotFile) -> [ObjectReference] {
    var content = FileContent(objects: [], findings: file.findings, valueCount: file.valueCount)
    for object in file.objects {
      let reference = object.reference
      // If an object is defined twice, both definitions must be loaded.
      if let other = unread?.path(of: reference) { loadFile(other) }
      switch object {
      case .app(let app): _ = apps.insert(app)
      case .cluster(let cluster): replaced(clusters.insert(cluster))
      }
      content.objects.append(reference)
    }
    if !file.isWhole { broken.insert(ExactString(file.path)) }
    if !content.objects.isEmpty || !content.findings.isEmpty {
      files[ExactString(file.path)] = content
      loadedValues += content.valueCount
    }
    return content.objects
  }

  /// Removes a deleted file.
  @discardableResult
  public mutating func remove(path: String) -> Changes {
    loadFile(path)
    let key = ExactString(path)
    broken.remove(key)
    guard let content = files.removeValue(forKey: key) else { return Changes() }
    loadedValues -= content.valueCount
    for reference in content.objects { forget(reference, path: path) }
    return Changes(files: [key], objects: Set(content.objects))
  }

  /// Adds or replaces a live app.
  /// - Parameter path: The file that it was applied from; nil if it comes from no file.
  public mutating func insert(_ app: App, from path: String? = nil) {
    let object = Sourced(app, source: path.map { Source(path: $0) })
    remove(object.reference, from: path)
    _ = apps.insert(object)
    register(object.reference, path)
  }

  /// Adds or replaces a live cluster.
  /// - Parameter path: The file that it was applied from; nil if it comes from no file.
  public mutating func insert(_ cluster: Cluster, from path: String? = nil) {
    let object = Sourced(cluster, source: path.map { Source(path: $0) })
    remove(object.reference, from: path)
    replaced(clusters.insert(object))
    register(object.reference, path)
  }

  /// Removes a live object that was inserted with that path.
  public mutating func remove(_ reference: ObjectReference, from path: String? = nil) {
    forget(reference, path: path)
    guard let path = path.map({ ExactString($0) }), var content = files[path] else { return }
    content.objects.removeAll { $0 == reference }
    files[path] = content.objects.isEmpty && content.findings.isEmpty ? nil : content
  }

  private mutating func register(_ reference: ObjectReference, _ path: String?) {
    guard let path else { return }
    files[ExactString(path), default: FileContent(objects: [], findings: [])].objects.append(reference)
  }

  private mutating func forget(_ reference: ObjectReference, path: String?) {
    _ = apps.remove(reference, path: path)
    replaced(clusters.remove(reference, path: path))
  }

  private mutating func replaced(_ replacement: Definitions<Cluster>.Replacement?) {
    guard let replacement else { return }
    if let old = replacement.old { index.remove(old) }
    if let new = replacement.new { index.insert(new) }
  }
}

/// The files and objects that may differ because of one or more changed files.
public struct Changes: Sendable, Hashable {
  public var files: Set<ExactString>
  public var objects: Set<ObjectReference>

  public init(files: Set<ExactString> = [], objects: Set<ObjectReference> = []) {
    self.files = files
    self.objects = objects
  }

  public mutating func formUnion(_ other: Changes) {
    files.formUnion(other.files)
    objects.formUnion(other.objects)
  }
}
