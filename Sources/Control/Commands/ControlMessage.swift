import ClusterAPI
import Reports
import Values

/// A request to a running daemon through its socket: one line of JSON.
public struct ControlRequest: Hashable, Sendable, CustomStringConvertible {
  public enum Command: Hashable, Sendable {
    case cluster(ClusterCommand)
    /// Fetch and resync now; with a commit, also approve that commit although history was rewritten. With an id, the
    /// answer contains the progress of that request; repeating the request does not start another one.
    case sync(accept: String?, id: SyncID? = nil)
  }

  /// The requested command.
  public var command: Command

  var json: JSON {
    switch command {
    case .cluster(let command):
      var out: JSON = [
        "schemaVersion": 1, "do": .string(command.kind.rawValue),
        "namespace": .string(command.cluster.namespace),
        "name": .string(command.cluster.name),
      ]
      out["pod"] = command.pod.map(JSON.string)
      return out
    case .sync(let accept, let id):
      var out: JSON = ["schemaVersion": 1, "do": "sync"]
      out["accept"] = accept.map(JSON.string)
      out["id"] = id.map { .string($0.text) }
      return out
    }
  }

  /// The command as a user would type it.
  public var description: String {
    switch command {
    case .cluster(let command):
      "\(command.kind.rawValue) \(command.cluster)" + (command.pod.map { "/\($0)" } ?? "")
    case .sync(let accept, _): accept.map { "sync --accept \($0)" } ?? "sync"
    }
  }

  /// Creates a request in the form of this version.
  public init(_ command: Command) { self.command = command }

  /// Nil if the JSON is not a valid request.
  init?(_ json: JSON) {
    guard json["schemaVersion"]?.integer == 1, let word = json["do"]?.string else { return nil }
    if word == "sync" {
      command = .sync(accept: json["accept"]?.string, id: json["id"]?.string.flatMap { SyncID($0) })
      return
    }
    guard let kind = ClusterCommand.Kind(rawValue: word), let namespace = json["namespace"]?.string,
      let name = json["name"]?.string
    else { return nil }
    command = .cluster(
      ClusterCommand(
        kind: kind, cluster: ObjectName(namespace: namespace, name: name), pod: json["pod"]?.string))
  }
}

/// The daemon's answer to a request.
public struct ControlAnswer: Hashable, Sendable {
  public enum Outcome: String, Hashable, Sendable {
    case done
    /// The command was not executed; `words` gives the reason.
    case refused
    /// The command could not be tried.
    case failed
  }

  /// The result of the command.
  public var outcome: Outcome
  /// The answer to the user, in one sentence.
  public var words: String
  /// How far the daemon is with a request to fetch; nil for other requests, and from a daemon of an older version.
  public var sync: SyncProgress?
  /// The pod whose script runs again; nil for other requests, and from a daemon of an older version.
  public var pod: String?
  /// Whether the request was repeated to learn its progress. Not transmitted.
  public var isRepeated = false

  /// - Parameter words: one sentence.
  public init(_ outcome: Outcome, _ words: String, sync: SyncProgress? = nil, pod: String? = nil) {
    (self.outcome, self.words) = (outcome, words)
    (self.sync, self.pod) = (sync, pod)
  }

  /// The answer that a command returns, or the one for its error.
  public static func of(_ command: () async throws -> ControlAnswer) async -> ControlAnswer {
    do {
      return try await command()
    } catch let refusal as ControlRefusal {
      return ControlAnswer(.refused, "\(refusal)")
    } catch {
      return ControlAnswer(.failed, "\(error)")
    }
  }

  var json: JSON {
    var out: JSON = ["schemaVersion": 1, "outcome": .string(outcome.rawValue), "words": .string(words)]
    out["sync"] = sync.map { .string($0.rawValue) }
    out["pod"] = pod.map(JSON.string)
    return out
  }

  init?(_ json: JSON) {
    guard json["schemaVersion"]?.integer == 1, let words = json["words"]?.string,
      let outcome = json["outcome"]?.string.flatMap(Outcome.init)
    else { return nil }
    self.init(
      outcome, words, sync: json["sync"]?.string.flatMap { SyncProgress(rawValue: $0) },
      pod: json["pod"]?.string)
  }
}
