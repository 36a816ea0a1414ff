import ClusterAPI
import Values

/// A request to a running daemon through its socket: one line of JSON.
public struct ControlRequest: Hashable, Sendable, CustomStringConvertible {
  public enum Command: Hashable, Sendable {
    case cluster(ClusterCommand)
    /// Fetch and resync now; with a commit, also approve that commit although history was rewritten.
    case sync(accept: String?)
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
    case .sync(let accept):
      var out: JSON = ["schemaVersion": 1, "do": "sync"]
      out["accept"] = accept.map(JSON.string)
      return out
    }
  }

  /// The command as a user would type it.
  public var description: String {
    switch command {
    case .cluster(let command):
      "\(command.kind.rawValue) \(command.cluster)" + (command.pod.map { "/\($0)" } ?? "")
    case .sync(let accept): accept.map { "sync --accept \($0)" } ?? "sync"
    }
  }

  /// Creates a request in the form of this version.
  public init(_ command: Command) { self.command = command }

  /// Nil if the JSON is not a valid request.
  init?(_ json: JSON) {
    guard json["schemaVersion"]?.integer == 1, let word = json["do"]?.string else { return nil }
    if word == "sync" {
      command = .sync(accept: json["accept"]?.string)
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
    /// Not done; `words` gives the reason.
    case refused
    /// The command could not be tried.
    case failed
  }

  /// The result of the command.
  public var outcome: Outcome
  /// The answer to the user, in one sentence.
  public var words: String

  /// - Parameter words: one sentence.
  public init(_ outcome: Outcome, _ words: String) {
    self.outcome = outcome
    self.words = words
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

  var json: JSON { ["schemaVersion": 1, "outcome": .string(outcome.rawValue), "words": .string(words)] }

  init?(_ json: JSON) {
    guard json["schemaVersion"]?.integer == 1, let words = json["words"]?.string,
      let outcome = json["outcome"]?.string.flatMap(Outcome.init)
    else { return nil }
    self.init(outcome, words)
  }
}
