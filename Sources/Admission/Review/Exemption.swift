import KubeDirector
import Values

/// Whose requests are let through unjudged: the daemon's own, and those of the server's controllers.
struct Exemption: Sendable {
  /// The daemon's user name at the server.
  var ownName: String?
  /// By which the daemon's writes are known where nobody tells its name.
  var stamp: Stamp?

  /// Accounts of the server's own controllers, such as the one that empties a namespace that is being deleted.
  private static let controllers = "system:serviceaccount:kube-system:"
  /// What all controllers are called where they have no accounts of their own.
  private static let controllerManager = "system:kube-controller-manager"

  func covers(_ user: String) -> Bool {
    user == ownName || user == Self.controllerManager || user.hasPrefix(Self.controllers)
  }

  func covers(_ request: AdmissionRequest) -> Bool {
    if covers(request.user) { return true }
    guard ownName == nil, let stamp, let object = request.object else { return false }
    return stamp.holds(object)
  }
}
