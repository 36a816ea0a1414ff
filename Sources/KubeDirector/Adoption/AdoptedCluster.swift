import Values

/// What a cluster keeps from KubeDirector's operator, which created its objects. Part of the status.
///
/// The fields of StatefulSets that name the headless service and select the pods are immutable. Without this record,
/// the engine manages only StatefulSets that it created itself.
public struct AdoptedCluster: Sendable, Hashable {
  /// The service in `serviceName` of the StatefulSets. New roles get it too.
  public var headlessService: String
  /// The labels by which that service selects pods. New templates get them, so that their pods have host names.
  public var headlessSelector: [String: String]
  /// The app at the time of the adoption. The service of a member stays unchanged while the member has this app.
  public var app: String
  /// The volume claims of members that were added since, until the cluster is no longer an owner of them. The claim
  /// template of that operator names the cluster as the owner of each claim, and is immutable.
  public var newClaims: [String]

  public init(
    headlessService: String, headlessSelector: [String: String] = [:], app: String, newClaims: [String] = []
  ) {
    self.headlessService = headlessService
    self.headlessSelector = headlessSelector
    self.app = app
    self.newClaims = newClaims
  }

  init?(_ adopted: JSON) {
    guard let service = adopted["headlessService"]?.string, !service.isEmpty else { return nil }
    self.init(
      headlessService: service, headlessSelector: adopted["headlessSelector"]?.strings ?? [:],
      app: adopted["app"]?.string ?? "",
      newClaims: (adopted["newClaims"]?.array ?? []).compactMap(\.string))
  }

  var json: JSON {
    var out: JSON = ["headlessService": .string(headlessService), "app": .string(app)]
    if !headlessSelector.isEmpty { out["headlessSelector"] = JSON(headlessSelector) }
    if !newClaims.isEmpty { out["newClaims"] = JSON(newClaims) }
    return out
  }
}
