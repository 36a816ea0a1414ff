import ClusterAPI
import Values

extension KubernetesClient {
  /// Runs a command in a pod's container and waits for its end.
  ///
  /// A command that the caller stops waiting for, also after a timeout, is not killed: Kubernetes has no API
  /// for that.
  public func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult {
    do { try await sender.limit.take() } catch {
      throw APIError(.unavailable, "Pod \(pod): the caller no longer waits for the command")
    }
    do { return try await commands.get().run(pod, request) } catch { throw sender.recovery.judged(error) }
  }

  /// Creates the `Exec` for a server, or an error if its TLS settings cannot be used.
  static func commands(_ server: Server, _ sender: Sender) -> Result<Exec, APIError> {
    do throws(APIError) {
      let exec = try Exec(
        server: server, group: sender.transport.group, clock: sender.options.clock,
        onAnswer: { pod, code in
          if code.map(ServerAnswer.meansUnavailable) ?? true { sender.recovery.serverWasUnavailable() }
          // The verb that RBAC checks for a websocket request; newer servers also require "create".
          sender.note(
            RequestRecord(verb: "get", resource: "pods/exec", namespace: pod.namespace, code: code))
        },
        containerID: { pod, container throws(APIError) in
          let request = try APIRequest(.get, .pods, namespace: pod.namespace, name: pod.name)
          do throws(APIError) {
            return running(container, in: Object(try await sender.json(request)))
          } catch {
            // A timeout of this lookup says nothing about the command, which has not started.
            guard error.kind == .timeout else { throw error }
            throw APIError(.unavailable, error.message)
          }
        })
      return .success(exec)
    } catch {
      return .failure(error)
    }
  }

  /// Returns the id of the container of that name, if it runs and its pod is not being deleted.
  static func running(_ container: String, in pod: Object) -> String? {
    guard !pod.isBeingDeleted else { return nil }
    let status = pod.json["status"]?["containerStatuses"]?.array?.first {
      $0["name"]?.string == container && $0["state"]?["running"] != nil
    }
    return status?["containerID"]?.string
  }
}
