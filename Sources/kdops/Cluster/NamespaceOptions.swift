import ArgumentParser
import ClusterAPI

/// Selects clusters by their namespace, with the flags of kubectl.
struct NamespaceOptions: ParsableArguments {
  @Option(
    name: [.customShort("n", allowingJoined: true), .long],
    help: ArgumentHelp("The namespace of the cluster, or of the clusters that are listed."))
  var namespace: String?

  @Flag(name: [.customShort("A"), .long], help: "All namespaces; this is the default.")
  var allNamespaces = false

  func validate() throws {
    if namespace != nil, allNamespaces {
      throw ValidationError("--all-namespaces contradicts --namespace; leave one out")
    }
    if namespace?.isEmpty == true || namespace?.contains("/") == true {
      throw ValidationError("'\(namespace ?? "")' is not a namespace")
    }
  }

  /// The cluster that an argument names, `NAMESPACE/NAME` or with `--namespace` also `NAME`.
  ///
  /// - Throws: `ValidationError` if it names none.
  func cluster(_ text: String) throws -> ObjectName {
    let target = try self.target(text)
    guard target.pod == nil else { throw Self.invalid(text, "NAMESPACE/NAME") }
    return target.cluster
  }

  /// The cluster that an argument names, or its pod: `NAMESPACE/NAME/POD`, with `--namespace` also `NAME/POD`.
  ///
  /// - Throws: `ValidationError` if it names none.
  func target(_ text: String) throws -> ControlTarget {
    if allNamespaces { throw ValidationError("--all-namespaces contradicts '\(text)'; leave one out") }
    guard let namespace else {
      if let target = ControlTarget(text) { return target }
      throw Self.invalid(text, "NAMESPACE/NAME, or NAME with --namespace NAMESPACE")
    }
    // The namespace may be given twice if it is the same one.
    if let target = ControlTarget(text), target.cluster.namespace == namespace { return target }
    guard let target = ControlTarget("\(namespace)/\(text)") else {
      throw Self.invalid(text, "NAME or \(namespace)/NAME")
    }
    return target
  }

  private static func invalid(_ text: String, _ forms: String) -> ValidationError {
    ValidationError("'\(text)' is not a cluster; write \(forms)")
  }
}
