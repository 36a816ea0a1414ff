import Diagnostics
import GitStore
import HashTreeCollections
import KubeDirector
import Manifests
import Rules
import Values

/// The desired state: the objects of the head that was fetched last, updated file by file.
public struct DesiredState: Sendable {
  public private(set) var head: ObjectID?
  public private(set) var layout = RepositoryLayout()
  public private(set) var snapshot = Snapshot()
  /// The blob of every file that may contain objects.
  public private(set) var blobs: TreeDictionary<ExactString, ObjectID> = [:]
  /// The entry that the layout was read from. Its kind counts too: a link may have the same id as the file before it.
  private var layoutEntry: TreeEntry?

  /// Creates the state before the first head.
  public init() {}

  /// The changes of a new head.
  public struct Step: Sendable {
    public var changes = Changes()
    /// The findings of `.kdops.yaml`; if one of them is an error, nothing else was read.
    public var layoutFindings: [Diagnostic] = []
    /// True if all files were read again. Then objects that were not found are gone.
    public var isComplete = false
    /// The commit responsible for each changed file.
    public var commits = Attribution.Found()

    /// The last commit that changed one of these files.
    public func latest(of paths: some Sequence<ExactString>) -> ObjectID? {
      paths.compactMap { commits.byPath[$0] }.max { (commits.order[$0] ?? 0) < (commits.order[$1] ?? 0) }
    }

    public var isUsable: Bool { !layoutFindings.contains { $0.severity == .error } }
  }

  /// Advances to a commit. On an error, the state must not be used.
  public mutating func advance(to commit: ObjectID, in repository: GitRepository) async throws -> Step {
    var step = Step()
    let entry = try await repository.entry(at: RepositoryLayout.path, in: commit)
    if head == nil || entry != layoutEntry {
      let found = try await RepositoryLayout.read(entry, in: repository)
      step.layoutFindings = found.findings
      guard step.isUsable else { return step }
      if !found.layout.hasSamePlaces(as: layout) { head = nil }
      (layout, layoutEntry) = (found.layout, entry)
    }
    let selection = try layout.selection()
    if head == nil {
      snapshot = Snapshot(defaultNamespace: layout.defaultNamespace)
      blobs = [:]
      step.isComplete = true
    }
    let differences = try await repository.diff(base: head, head: commit, selection)
    step.changes = try await snapshot.replace(
      differences.compactMap(\.old), with: differences.compactMap(\.new), in: repository)
    for change in differences { note(change) }
    step.commits = try await Attribution.commits(of: selection, from: head, to: commit, in: repository)
    head = commit
    return step
  }

  private mutating func note(_ change: TreeChange) {
    let isManifest = change.new.map { $0.isFile && RepositoryLayout.mayHoldObjects($0) } ?? false
    blobs[ExactString(change.path)] = isManifest ? change.new?.id : nil
  }

  /// The blob of the file at a path; nil if the desired state has no such file.
  public func blob(at path: String) -> ObjectID? { blobs[ExactString(path)] }

  public func source(of object: ObjectReference) -> Source? {
    object.kind == Wire.appKind ? snapshot.app(object)?.source : snapshot.cluster(object)?.source
  }

  /// The object in an earlier version of its file.
  public func document(of object: ObjectReference, path: String, in bytes: [UInt8]) -> JSON? {
    ParsedFile(path: path, bytes: bytes, defaultNamespace: layout.defaultNamespace).document(of: object)
  }

  public func metadata(of object: ObjectReference) -> Metadata? {
    object.kind == Wire.appKind ? snapshot.app(object)?.metadata : snapshot.cluster(object)?.metadata
  }
}
