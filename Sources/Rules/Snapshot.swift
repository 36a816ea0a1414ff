import Diagnostics
import HashTreeCollections
import KubeDirector
import Manifests
import Values

/// The objects of one side: of git's head, of an earlier commit, or what lives.
///
/// A value that is cheap to copy; taking in one changed file costs the same among ten clusters as among a hundred
/// thousand. So the head of a commit is made from its base: copy, then `update` each file that differs.
public struct Snapshot: Sendable {
  /// The namespace of objects whose file names none.
  public let defaultNamespace: String
  /// Gives the bytes of a file of this side, for line and column of findings; asked only when there are some.
  /// Nil, for itself or for a file, places findings at the file's beginning.
  public var contents: (@Sendable (_ path: String) -> [UInt8]?)?

  var apps = Definitions<App>()
  var clusters = Definitions<Cluster>()
  var index = ClusterIndex()
  /// What each file with objects or findings holds.
  private(set) var files: TreeDictionary<ExactString, FileContent> = [:]
  /// The files that could not be read whole, so that nobody may conclude that an object is gone.
  private(set) var broken: TreeSet<ExactString> = []
  /// Files that are looked into only where somebody asks; nil where all were taken in.
  private(set) var unread: Unread?

  struct FileContent: Sendable {
    var objects: [ObjectReference]
    var findings: [Diagnostic]
  }

  /// An empty side.
  public init(
    defaultNamespace: String = "default", contents: (@Sendable (_ path: String) -> [UInt8]?)? = nil
  ) {
    self.defaultNamespace = defaultNamespace
    self.contents = contents
  }

  /// The side that these files make.
  public init(
    files: some Sequence<ManifestFile>, defaultNamespace: String = "default",
    contents: (@Sendable (_ path: String) -> [UInt8]?)? = nil
  ) {
    self.init(defaultNamespace: defaultNamespace, contents: contents)
    for file in files { update(file) }
  }

  /// The side that an archive holds. Its files are read only where somebody asks for what is in them.
  public init(_ archive: any Archive, defaultNamespace: String) {
    self.init(defaultNamespace: defaultNamespace)
    let unread = Unread(archive, defaultNamespace: defaultNamespace)
    self.unread = unread
    for path in unread.readAlways { bringIn(path) }
  }

  // MARK: Changing

  /// Takes a file out of the archive and in here, as if it had never been there.
  private mutating func bringIn(_ path: String) {
    guard let file = unread?.take(path) else { return }
    take(file)
  }

  /// The same side with every file taken in.
  var completed: Snapshot {
    guard let unread else { return self }
    var whole = self
    for path in unread.paths { whole.bringIn(path) }
    whole.unread = nil
    return whole
  }

  /// Takes in a file, instead of what its path held before.
  /// - Returns: What the judge has to look at because of it.
  @discardableResult
  public mutating func update(_ file: ManifestFile) -> Changes {
    var changes = remove(path: file.path)
    changes.files.insert(ExactString(file.path))
    changes.objects.formUnion(take(file))
    return changes
  }

  /// - Returns: Its objects.
  @discardableResult
  private mutating func take(_ file: ManifestFile) -> [ObjectReference] {
    var content = FileContent(objects: [], findings: file.findings)
    for document in file.documents {
      let reference = document.reference(defaultNamespace: defaultNamespace)
      let source = Source(path: file.path, document: document.index, prefix: document.prefix)
      // Where an object is written twice, both are to be at hand.
      if let other = unread?.path(of: reference) { bringIn(other) }
      take(document, as: reference, source: source)
      content.objects.append(reference)
    }
    if !file.isWhole { broken.insert(ExactString(file.path)) }
    if !content.objects.isEmpty || !content.findings.isEmpty { files[ExactString(file.path)] = content }
    return content.objects
  }

  /// Forgets a file that is gone.
  @discardableResult
  public mutating func remove(path: String) -> Changes {
    bringIn(path)
    let key = ExactString(path)
    broken.remove(key)
    guard let content = files.removeValue(forKey: key) else { return Changes() }
    for reference in content.objects { forget(reference, path: path) }
    return Changes(files: [key], objects: Set(content.objects))
  }

  /// Takes in, or replaces, an app that lives.
  /// - Parameter path: The file that it was applied from; nil where it comes from no file.
  public mutating func insert(_ app: App, from path: String? = nil) {
    let object = Sourced(app, source: path.map { Source(path: $0) })
    remove(object.reference, from: path)
    _ = apps.insert(object)
    register(object.reference, path)
  }

  /// Takes in, or replaces, a cluster that lives.
  /// - Parameter path: The file that it was applied from; nil where it comes from no file.
  public mutating func insert(_ cluster: Cluster, from path: String? = nil) {
    let object = Sourced(cluster, source: path.map { Source(path: $0) })
    remove(object.reference, from: path)
    replaced(clusters.insert(object))
    register(object.reference, path)
  }

  /// Forgets an object that was inserted as living, from that path.
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

  private mutating func take(_ document: ManifestDocument, as reference: ObjectReference, source: Source) {
    var metadata = Metadata(document.json) ?? Metadata(name: reference.name, namespace: "")
    metadata.namespace = reference.namespace
    let spec = document.json["spec"] ?? [:]
    let findings = SchemaCheck.findings(of: document)
    switch document.kind {
    case .app:
      let app = App(metadata: metadata, spec: AppSpec(spec))
      _ = apps.insert(
        Sourced(app, source: source, findings: findings, namesNamespace: document.namespace != nil))
    case .cluster:
      let cluster = Cluster(metadata: metadata, spec: ClusterSpec(spec))
      replaced(
        clusters.insert(
          Sourced(cluster, source: source, findings: findings, namesNamespace: document.namespace != nil)))
    }
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

/// What a changed file, or several, may have changed.
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
