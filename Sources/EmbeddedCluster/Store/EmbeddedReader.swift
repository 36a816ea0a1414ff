import ClusterAPI
import FoundationEssentials
import KubeDirector
import Values

/// Read-only access to an embedded cluster from another process: `get` and `list`, directly from the disk.
///
/// Each response is one consistent state, that of some commit. All other calls fail with `.unsupported`.
public final class EmbeddedReader: ClusterAPI {
  private let persistence: Persistence
  let directory: String

  init(directory: String) throws(EmbeddedClusterError) {
    guard FileManager.default.fileExists(atPath: "\(directory)/cluster.sqlite") else {
      throw EmbeddedClusterError(
        "There is no embedded cluster in \(directory); `kdops run --embedded=\(directory)` creates one")
    }
    self.directory = directory
    do {
      persistence = try Persistence(directory: directory, isReadOnly: true)
    } catch let error as EmbeddedClusterError {
      throw error
    } catch {
      throw EmbeddedClusterError("The embedded cluster in \(directory) cannot be read: \(error)")
    }
  }

  public func get(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object {
    let found: Object?
    do { found = try await persistence.get(kind: resource.kind, name) } catch { throw unreadable(error) }
    guard let found else { throw APIError(.notFound, "\(resource.kind) \(name) does not exist") }
    return found
  }

  public func list(
    _ resource: Resource, namespace: String?, labels: LabelSelector
  ) async throws(APIError) -> ObjectList {
    do {
      var list = try await persistence.list(kind: resource.kind, namespace: namespace)
      list.items.removeAll { !labels.matches($0) }
      return list
    } catch { throw unreadable(error) }
  }

  public func watch(
    _ resource: Resource, namespace: String?, labels: LabelSelector, after resourceVersion: String
  ) -> AsyncThrowingStream<WatchEvent, any Error> {
    let error = refusal("watch")
    return AsyncThrowingStream { $0.finish(throwing: error) }
  }

  public func create(_ object: Object) async throws(APIError) -> Object { throw refusal("create") }
  public func update(_ object: Object) async throws(APIError) -> Object { throw refusal("update") }
  public func updateStatus(_ object: Object) async throws(APIError) -> Object { throw refusal("update") }

  public func patch(_ resource: Resource, _ name: ObjectName, merge: JSON) async throws(APIError) -> Object {
    throw refusal("patch")
  }

  public func delete(
    _ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions
  ) async throws(APIError) {
    throw refusal("delete")
  }

  public func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult {
    throw refusal("exec")
  }

  private func unreadable(_ error: any Error) -> APIError {
    APIError(.unavailable, "The embedded cluster in \(directory) cannot be read: \(error)")
  }

  private func refusal(_ verb: String) -> APIError {
    APIError(.unsupported, "The embedded cluster in \(directory) is open for reading only, it cannot \(verb)")
  }
}
