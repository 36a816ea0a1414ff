import ClusterAPI
import Values

extension KubernetesClient {
  /// Runs a command in a pod's container and waits for its end.
  ///
  /// A command that is not waited for to its end, be it for its timeout, is not killed: Kubernetes knows no way to.
  public func exec(_ pod: ObjectName, _ request: ExecRequest) async throws(APIError) -> ExecResult {
    do { try await sender.limit.take() } catch {
      throw APIError(.unavailable, "Pod \(pod): nobody waits for the command any more")
    }
    do { return try await commands.get().run(pod, request) } catch { throw sender.recovery.judged(error) }
  }

  /// What runs commands at the server; an error where its TLS settings are of no use.
  static func commands(_ server: Server, _ sender: Sender) -> Result<Exec, APIError> {
    do throws(APIError) {
      let exec = try Exec(
        server: server, group: sender.transport.group, clock: sender.options.clock,
        onAnswer: { pod, code in
          if code.map(ServerAnswer.meansAway) ?? true { sender.recovery.sawAway() }
          // The verb by which a websocket is allowed or not; newer servers want "create" too.
          sender.note(
            RequestRecord(verb: "get", resource: "pods/exec", namespace: pod.namespace, code: code))
        },
        containerID: { pod, container throws(APIError) in
          let request = try APIRequest(.get, .pods, namespace: pod.namespace, name: pod.name)
          do throws(APIError) {
            return running(container, in: Object(try await sender.json(request)))
          } catch {
            // That this look took too long says nothing of the command, which has not begun.
            guard error.kind == .timeout else { throw error }
            throw APIError(.unavailable, error.message)
          }
        })
      return .success(exec)
    } catch {
      return .failure(error)
    }
  }

  /// The id of the container of that name, where it runs and its pod is to stay.
  static func running(_ container: String, in pod: Object) -> String? {
    guard !pod.isBeingDeleted else { return nil }
    let status = pod.json["status"]?["containerStatuses"]?.array?.first {
      $0["name"]?.string == container && $0["state"]?["running"] != nil
    }
    return status?["containerID"]?.string
  }
}
