import Diagnostics
import GitStore
import HashTreeCollections
import KubeDirector
import Manifests
import Synchronization
import Values

/// The objects of one file, parsed once for all of them.
struct ParsedFile {
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

  /// The object from the file, with the namespace filled in.
  func document(of object: ObjectReference) -> JSON? {
    guard var json = documents[object], var metadata = json["metadata"] else { return nil }
    metadata["namespace"] = .string(object.namespace)
    json["metadata"] = metadata
    return json
  }
}

/// The file that a reconcile pass needed last, parsed once for all of its objects.
public final class ParsedFiles {
  public let reader: ObjectReader
  private let defaultNamespace: String
  private var last: ParsedFile?

  public init(_ reader: ObjectReader, defaultNamespace: String) {
    (self.reader, self.defaultNamespace) = (reader, defaultNamespace)
  }

  /// Whether the file is the one that was parsed last.
  public func holds(_ path: String) -> Bool { last?.path.isExactly(path) ?? false }

  public func parse(_ path: String, _ bytes: [UInt8]) {
    last = ParsedFile(path: path, bytes: bytes, defaultNamespace: defaultNamespace)
  }

  /// The object from the file that was parsed last; nil if that file does not contain it.
  public func document(of object: ObjectReference) -> JSON? { last?.document(of: object) }
}

/// The files of the head, for the line and column of findings. They are read one by one when they are needed, because
/// all changed files together may have more bytes than should be in memory.
public final class LocationFiles: Sendable {
  private let blobs: TreeDictionary<ExactString, ObjectID>
  private let reader: ObjectReader
  private let problem = Mutex<GitError?>(nil)

  public init(_ blobs: TreeDictionary<ExactString, ObjectID>, _ reader: ObjectReader) {
    (self.blobs, self.reader) = (blobs, reader)
  }

  /// The bytes of a file; nil if there is none, or if it is too large to have objects. Blocks while it reads.
  public func bytes(_ path: String) -> [UInt8]? {
    guard let blob = blobs[ExactString(path)] else { return nil }
    do throws(GitError) {
      return try reader.blob(blob, limit: ManifestLimits.standard.bytes)
    } catch {
      if error.kind != .tooLarge { problem.withLock { $0 = $0 ?? error } }
      return nil
    }
  }

  /// - Throws: the error of the first file that could not be read, which shows that the repository is damaged.
  public func check() throws(GitError) {
    if let problem = problem.withLock(\.self) { throw problem }
  }
}
