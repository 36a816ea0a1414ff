import KubeDirector
import Values

/// The objects that `kubectl apply -f -` needs to install kdops on a cluster.
///
/// Pure: the same settings give the same objects, so that applying them again changes nothing. Objects come after the
/// objects that they depend on.
public struct InstallationExport: Sendable {
  /// An object and the comment above it.
  public struct Part: Sendable, Hashable {
    public var notes: [String]
    public var object: JSON
  }

  public let parts: [Part]

  public var objects: [JSON] { parts.map(\.object) }

  /// The objects as one YAML stream.
  public var text: String { YAMLStream.text(parts.map { ($0.notes, $0.object) }) }

  /// Creates the objects.
  ///
  /// - Parameter settings: settings whose `problems` is empty.
  public init(_ settings: InstallationSettings) {
    var parts: [Part] = []
    func add(_ notes: String..., object: JSON) { parts.append(Part(notes: notes, object: object)) }
    add(
      "kdops, installation \(settings.installation).",
      "Taking all of this away again with `kubectl delete` deletes every KubeDirectorCluster with its pods.",
      object: [
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": ["name": .string(settings.namespace)],
      ])
    for (index, resource) in CustomResources.all.enumerated() {
      let note =
        "What apps and clusters are: the same for every installation, and for the check of files in git."
      parts.append(Part(notes: index == 0 ? [note] : [], object: resource))
    }
    add("Who the daemon is to the API server.", object: settings.accountObject)
    for grant in settings.grants {
      for (index, object) in settings.objects(of: grant).enumerated() {
        let notes = index == 0 ? ["What the daemon may do with \(grant.subject)."] : []
        parts.append(Part(notes: notes, object: object))
      }
    }
    if let service = settings.serviceObject { add("In front of the daemon's webhook.", object: service) }
    if let webhook = settings.webhookObject {
      add(
        "Manual writes are validated like changes from git.",
        "If the daemon does not answer, the write passes: drift is detected anyway.",
        object: webhook)
    }
    if settings.repo != nil {
      add("What `kdops run --config` reads.", object: settings.configurationObject)
      parts.append(
        Part(
          notes: ["The daemon."] + settings.secretNotes + settings.keyNotes, object: settings.deploymentObject
        ))
    }
    self.parts = parts
  }
}
