import Values

/// What a cluster keeps from KubeDirector's operator, which created its objects. Part of the status.
///
/// The fields of StatefulSets that name the headless service and select the pods are immutable. Without this record,
/// the engine manages only StatefulSets that it created itself.
public struct AdoptedCluster: Sendable, Hashable {
  /// The service in `serviceName` of the StatefulSets. New roles get it too.
  public var headlessService: String
  /// The app at the time of the adoption. The service of a member stays unchanged while the member has this app.
  public var app: String

  public init(headlessService: String, app: String) {
    self.headlessService = headlessService
    self.app = app
  }

  init?(_ adopted: JSON) {
    guard let service = adopted["headlessService"]?.string, !service.isEmpty else { return nil }
    self.init(headlessService: service, app: adopted["app"]?.string ?? "")
  }

  var json: JSON { ["headlessService": .string(headlessService), "app": .string(app)] }
}
