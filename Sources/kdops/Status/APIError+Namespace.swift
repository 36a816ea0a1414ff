import ClusterAPI

extension APIError {
  /// The error of a list of all namespaces. A user who may read only some of them learns how to select one.
  func namingNamespaceOption(for kind: String) -> APIError {
    guard self.kind == .forbidden else { return self }
    var error = self
    error.message +=
      "; this needs the permission to list every \(kind) of all namespaces; name one that you may read: "
    error.message += "-n NAMESPACE"
    return error
  }
}
