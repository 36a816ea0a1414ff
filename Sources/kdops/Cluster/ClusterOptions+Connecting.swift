import Kubernetes
import Logging

extension ClusterOptions {
  /// Connects to the selected Kubernetes cluster. The caller must shut the client down.
  func connect(_ environment: [String: String]) async throws -> KubernetesClient {
    let silent = Logger(label: "kdops") { _ in SwiftLogNoOpLogHandler() }
    return try await KubernetesClient.connect(connection(environment), logger: silent)
  }

  /// Connects, runs the body, and closes the connection, also after an error.
  func connected<T>(
    _ environment: [String: String], _ body: (KubernetesClient) async throws -> T
  ) async throws -> T {
    let client = try await connect(environment)
    let result: Result<T, any Error>
    do { result = .success(try await body(client)) } catch { result = .failure(error) }
    await client.shutdown()
    return try result.get()
  }
}
