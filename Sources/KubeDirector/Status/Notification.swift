import Values

/// One pending run of a member's `startscript`.
public struct Notification: Sendable, Hashable {
  public var event: LifecycleEvent
  /// The arguments after the event on the command line, except those from `nodes`.
  public var arguments: [String]
  /// The members that were added or removed.
  public var nodes: Nodes?
  /// Distinguishes this request from an earlier one for the same event: the id of a commit, an upgrade or a retry.
  public var id: String

  /// Members of one role, by their ordinals.
  ///
  /// Each of hundreds of subscribers has them in one shared status of limited size, so consecutive ordinals are
  /// written as `3-17`.
  public struct Nodes: Sendable, Hashable {
    public var role: String
    /// Stored because the role may be removed before the notification is delivered.
    public var statefulSet: String
    /// In ascending order.
    public var ordinals: [ClosedRange<Int>]

    public init(role: String, statefulSet: String, ordinals: some Sequence<Int>) {
      self.role = role
      self.statefulSet = statefulSet
      self.ordinals = []
      for ordinal in ordinals.sorted() {
        guard let last = self.ordinals.last, ordinal <= last.upperBound + 1 else {
          self.ordinals.append(ordinal...ordinal)
          continue
        }
        self.ordinals[self.ordinals.count - 1] = last.lowerBound...max(ordinal, last.upperBound)
      }
    }

    /// The ordinals as text: `3-17,20`.
    public var text: String {
      ordinals.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        .joined(separator: ",")
    }

    public func contains(_ ordinal: Int) -> Bool { ordinals.contains { $0.contains(ordinal) } }
  }

  public init(event: LifecycleEvent, arguments: [String] = [], nodes: Nodes? = nil, id: String) {
    self.event = event
    self.arguments = arguments
    self.nodes = nodes
    self.id = id
  }

  /// All arguments after the event on the command line: `--role worker --fqdns …,… --nodegroup 1`.
  public func words(
    cluster: Metadata, clusterDomain: String, adopted: AdoptedCluster? = nil
  ) -> [String] {
    guard let nodes else { return arguments }
    let domain = DerivedNames.domain(of: cluster, clusterDomain: clusterDomain, adopted: adopted)
    let names = nodes.ordinals.joined().map {
      "\(DerivedNames.pod(statefulSet: nodes.statefulSet, ordinal: $0)).\(domain)"
    }
    return arguments + ["--role", nodes.role, "--fqdns", names.joined(separator: ","), "--nodegroup", "1"]
  }
}

extension Notification {
  init?(_ notification: JSON) {
    guard let event = notification["event"]?.string.flatMap(LifecycleEvent.init) else { return nil }
    self.init(
      event: event, arguments: notification["arguments"]?.array?.compactMap(\.string) ?? [],
      nodes: notification["nodes"].flatMap(Nodes.init), id: notification["id"]?.string ?? "")
  }

  var json: JSON {
    var out: JSON = ["event": .string(event.rawValue), "id": .string(id)]
    if !arguments.isEmpty { out["arguments"] = JSON(arguments) }
    out["nodes"] = nodes?.json
    return out
  }
}

extension Notification.Nodes {
  /// More ordinals than a cluster may have members mean damaged data.
  private static let limit = ClusterSpec.memberLimit

  init?(_ nodes: JSON) {
    guard let role = nodes["role"]?.string, let set = nodes["statefulSet"]?.string,
      let text = nodes["ordinals"]?.string
    else { return nil }
    var ordinals: [Int] = []
    for run in text.split(separator: ",") {
      let ends = run.split(separator: "-").compactMap { Int($0) }
      guard let first = ends.first, let last = ends.last, 0 <= first, first <= last, last < Self.limit,
        ordinals.count < Self.limit
      else { return nil }
      ordinals += first...last
    }
    self.init(role: role, statefulSet: set, ordinals: ordinals)
  }

  var json: JSON {
    ["role": .string(role), "statefulSet": .string(statefulSet), "ordinals": .string(text)]
  }
}
