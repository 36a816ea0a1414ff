import ClusterAPI
import Values

/// A request to a running daemon through its socket: one line of JSON.
public struct ControlRequest: Hashable, Sendable, CustomStringConvertible {
  public enum Command: Hashable, Sendable {
    case order(ClusterCommand)
    /// Fetch and resync now; with a commit, also approve that commit although history was rewritten.
    case sync(accept: String?)
  }

  /// The requested command.
  public var wish: Command

  var json: JSON {
    switch wish {
    case .order(let order):
      var out: JSON = [
        "schemaVersion": 1, "do": .string(order.kind.rawValue), "namespace": .string(order.cluster.namespace),
        "name": .string(order.cluster.name),
      ]
      out["pod"] = order.pod.map(JSON.string)
      return out
    case .sync(let accept):
      var out: JSON = ["schemaVersion": 1, "do": "sync"]
      out["accept"] = accept.map(JSON.string)
      return out
    }
  }

  /// The command as a user would type it.
  public var description: String {
    switch wish {
    case .order(let order):
      "\(order.kind.rawValue) \(order.cluster)" + (order.pod.map { "/\($0)" } ?? "")
    case .sync(let accept): accept.map { "sync --accept \($0)" } ?? "sync"
    }
  }

  /// Creates a request in the form of this version.
  public init(_ wish: Command) { self.wish = wish }

  /// Nil if the JSON is not a valid request.
  init?(_ json: JSON) {
    guard json["schemaVersion"]?.integer == 1, let word = json["do"]?.string else { return nil }
    if word == "sync" {
      wish = .sync(accept: json["accept"]?.string)
      return
    }
    guard let kind = ClusterCommand.Kind(rawValue: word), let namespace = json["namespace"]?.string,
      let name = json["name"]?.string
    else { return nil }
    wish = .order(
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

  var json: JSON { ["schemaVersion": 1, "outcome": .string(outcome.rawValue), "words": .string(words)] }

  init?(_ json: JSON) {
    guard json["schemaVersion"]?.integer == 1, let words = json["words"]?.string,
      let outcome = json["outcome"]?.string.flatMap(Outcome.init)
    else { return nil }
    self.init(outcome, words)
  }
}
