import Diagnostics
import GitStore
import HashTreeCollections
import KubeDirector
import Layout
import Manifests
import Rules
import Synchronization
import Values

/// The desired state: the objects of the head that was fetched last, updated file by file.
struct DesiredState {
  private(set) var head: ObjectID?
  private(set) var layout = RepositoryLayout()
  private(set) var snapshot = Snapshot()
  /// The blob of every file that may contain objects.
  private(set) var blobs: TreeDictionary<ExactString, ObjectID> = [:]
  private var layoutBlob: ObjectID?

  /// The changes of a new head.
  struct Step {
    var changes = Changes()
    /// The findings of `.kdops.yaml`; if one of them is an error, nothing else was read.
    var layoutFindings: [Diagnostic] = []
    /// True if all files were read again, so objects that are not found are gone.
    var isComplete = false
    /// The commit that brought each changed file.
    var commits = Attribution.Found()

    /// The last commit that changed one of these files.
    func latest(of paths: some Sequence<ExactString>) -> ObjectID? {
      paths.compactMap { commits.byPath[$0] }.max { (commits.order[$0] ?? 0) < (commits.order[$1] ?? 0) }
    }

    var isUsable: Bool { !layoutFindings.contains { $0.severity == .error } }
  }

  /// Advances to a commit.
  mutating func advance(
    to commit: ObjectID, in repository: GitRepository
  ) async throws -> Step {
    var step = Step()
    let entry = try await repository.entry(at: RepositoryLayout.path, in: commit)
    if head == nil || entry?.id != layoutBlob {
      var fresh = RepositoryLayout()
      if let entry {
        (fresh, step.layoutFindings) = try await RepositoryLayout.read(entry, in: repository)
      }
      guard step.isUsable else { return step }
      let movedGlobs = fresh.apps != layout.apps || fresh.clusters != layout.clusters
      if movedGlobs || fresh.defaultNamespace != layout.defaultNamespace { head = nil }
      layout = fresh
      layoutBlob = entry?.id
    }
    let selection = try layout.selection()
    if let base = head {
      try await take(repository.diff(base: base, head: commit, selection), in: repository, &step)
      step.commits = try await Attribution.commits(of: selection, from: base, to: commit, in: repository)
    } else {
      snapshot = Snapshot(defaultNamespace: layout.defaultNamespace)
      blobs = [:]
      step.isComplete = true
      try await take(repository.diff(base: nil, head: commit, selection), in: repository, &step)
      step.commits = try await Attribution.commits(of: selection, from: nil, to: commit, in: repository)
    }
    head = commit
    return step
  }

  private mutating func take(_ changes: [TreeChange], in repository: GitRepository, _ step: inout Step)
    async throws
  {
    var read: [(path: String, id: ObjectID)] = []
    for change in changes where RepositoryLayout.isManifest(change.path) || change.new?.isFile == false {
      guard let new = change.new else {
        blobs[ExactString(change.path)] = nil
        step.changes.formUnion(snapshot.remove(path: change.path))
        continue
      }
      if new.isFile {
        read.append((change.path, new.id))
      } else {
        blobs[ExactString(change.path)] = nil
        step.changes.formUnion(snapshot.update(ManifestFile(unread: new)))
      }
    }
    let namespace = layout.defaultNamespace
    let paths = read.map(\.path)
    let limit = ManifestLimits.standard.bytes
    let budget = ReadingBudget()
    let files = try await repository.readBlobs(read.map(\.id), limit: limit) {
      index, content -> SnapshotFile? in
      guard !budget.isExceeded else { return nil }
      let file = SnapshotFile(
        ManifestFile.parse(path: paths[index], content: content, defaultNamespace: namespace),
        defaultNamespace: namespace)
      budget.take(values: file.valueCount)
      return file
    }
    try budget.check()
    for (file, (path, id)) in zip(files, read) {
      guard let file else { continue }
      blobs[ExactString(path)] = id
      step.changes.formUnion(snapshot.update(file))
    }
    try budget.check(values: snapshot.valueCount)
  }

  /// The files that contain these objects.
  func paths(of objects: some Sequence<ObjectReference>) -> Set<ExactString> {
    var paths: Set<ExactString> = []
    for object in objects {
      if let path = source(of: object)?.path { paths.insert(ExactString(path)) }
    }
    return paths
  }

  /// The blob of the file at a path; nil if the desired state has no such file.
  func blob(at path: String) -> ObjectID? { blobs[ExactString(path)] }

  func source(of object: ObjectReference) -> Source? {
    object.kind == Wire.appKind ? snapshot.app(object)?.source : snapshot.cluster(object)?.source
  }

  /// The object as an earlier version of its file has it.
  func document(of object: ObjectReference, path: String, in bytes: [UInt8]) -> JSON? {
    ParsedFile(path: path, bytes: bytes, defaultNamespace: layout.defaultNamespace).document(of: object)
  }

  func metadata(of object: ObjectReference) -> Metadata? {
    object.kind == Wire.appKind ? snapshot.app(object)?.metadata : snapshot.cluster(object)?.metadata
  }
}

/// The objects of one file, parsed once for all of them.
private struct ParsedFile {
  let path: String
  private var documents: [ObjectReference: JSON] = [:]

  init(path: String, bytes: [UInt8], defaultNamespace: String) {
    self.path = path
    let file = ManifestFile.parse(path: path, bytes: bytes, defaultNamespace: defaultNamespace)
    for document in file.documents {
      let reference = document.reference(defaultNamespace: defaultNamespace)
      if documents[reference] == nil { documents[reference] = document.json }
    }
  }

  /// The object as the file has it, with the namespace filled in.
  func document(of object: ObjectReference) -> JSON? {
    guard var json = documents[object], var metadata = json["metadata"] else { return nil }
    metadata["namespace"] = .string(object.namespace)
    json["metadata"] = metadata
    return json
  }
}

/// The file that a reconcile pass needed last, parsed once for all of its objects.
final class ParsedFiles {
  let reader: ObjectReader
  private let defaultNamespace: String
  private var last: ParsedFile?

  init(_ reader: ObjectReader, defaultNamespace: String) {
    (self.reader, self.defaultNamespace) = (reader, defaultNamespace)
  }

  /// Whether the file is the one that was parsed last.
  func holds(_ path: String) -> Bool { last?.path.isExactly(path) ?? false }

  func parse(_ path: String, _ bytes: [UInt8]) {
    last = ParsedFile(path: path, bytes: bytes, defaultNamespace: defaultNamespace)
  }

  /// The object as the file that was parsed last has it; nil if that does not contain it.
  func document(of object: ObjectReference) -> JSON? { last?.document(of: object) }
}

/// The files of the head, for the line and column of findings. They are read one by one when they are needed, because
/// all changed files together may have more bytes than should be in memory.
final class LocationFiles: Sendable {
  private let blobs: TreeDictionary<ExactString, ObjectID>
  private let reader: ObjectReader
  private let problem = Mutex<GitError?>(nil)

  init(_ blobs: TreeDictionary<ExactString, ObjectID>, _ reader: ObjectReader) {
    (self.blobs, self.reader) = (blobs, reader)
  }

  /// The bytes of a file; nil if there is none, or if it is too large to have objects. Blocks while it reads.
  func bytes(_ path: String) -> [UInt8]? {
    guard let blob = blobs[ExactString(path)] else { return nil }
    do throws(GitError) {
      return try reader.blob(blob, limit: ManifestLimits.standard.bytes)
    } catch {
      if error.kind != .tooLarge { problem.withLock { $0 = $0 ?? error } }
      return nil
    }
  }

  /// - Throws: the error of the first file that could not be read, which shows that the repository is damaged.
  func check() throws(GitError) {
    if let problem = problem.withLock(\.self) { throw problem }
  }
}
