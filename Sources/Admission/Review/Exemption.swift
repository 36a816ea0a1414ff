import KubeDirector
import Values

/// Requests that are allowed without a check: those of the daemon and of the server's controllers.
struct Exemption: Sendable {
  /// The daemon's user name at the server.
  var ownName: String?
  /// Identifies the daemon's writes if its user name is unknown.
  var stamp: Stamp?

  /// The accounts of the server's own controllers, such as the namespace controller.
  private static let controllers = "system:serviceaccount:kube-system:"
  /// The user name of all controllers if they have no accounts of their own.
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
