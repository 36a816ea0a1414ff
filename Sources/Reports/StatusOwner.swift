import Diagnostics
import Values

/// The cluster that a status tree and its notes belong to.
///
/// Two clusters that follow one repository under the same installation would overwrite each other's status.
/// So each cluster writes its id with its status, and refuses to overwrite a status with another id.
public struct StatusOwner: Sendable, Hashable {
  /// Unique, and constant for the cluster's lifetime.
  public var id: String
  /// For people, such as `embedded cluster prod on build-7`.
  public var name: String
  /// Identifies the cluster's storage location, if that can hold only one cluster at a time: a cluster there
  /// with another id has replaced the first. Nil if no such location is known.
  public var place: String?

  public init(id: String, name: String, place: String? = nil) {
    (self.id, self.name, self.place) = (id, name, place)
  }

  /// The path of the owner file in the status tree.
  public static let path = "writer.yaml"
  /// The longest owner file that is read, in bytes.
  public static let sizeLimit = 4096

  /// Parses the owner of a status tree or a note, from the file or the note's second part. The content is
  /// untrusted: anyone with write access to the ref could have forged it.
  ///
  /// - Returns: nil if no owner is named, as by an older kdops.
  public init?(_ file: JSON) {
    guard file["schemaVersion"]?.integer == 1, let cluster = file["cluster"],
      let id = cluster["id"]?.string, !id.isEmpty
    else { return nil }
    self.init(
      id: clean(id, limit: 100), name: clean(cluster["name"]?.string ?? "", limit: 100),
      place: cluster["place"]?.string.map { clean($0, limit: 100) })
  }

  /// The form in a note, and below `cluster` in the tree.
  public var json: JSON {
    var out: JSON = ["id": .string(clean(id, limit: 100)), "name": .string(clean(name, limit: 100))]
    out["place"] = place.map { .string(clean($0, limit: 100)) }
    return out
  }

  /// The content of the owner file in the status tree.
  public var bytes: [UInt8] {
    Array(YAMLWriter(.compact).block(["schemaVersion": 1, "cluster": json]).utf8)
  }

  /// The name and the first digits of the id: `embedded cluster prod on build-7 (1f2e3d4c)`.
  public var words: String {
    let short = TerminalText.visible(String(id.prefix(8)))
    return name.isEmpty ? "cluster \(short)" : "\(TerminalText.visible(name)) (\(short))"
  }

  /// Whether both are the same cluster, or one has replaced the other in the same location.
  public func isSameCluster(as other: StatusOwner) -> Bool {
    id == other.id || (place != nil && place == other.place)
  }
}

/// The owner of the status in git, as found by the last publication.
public enum StatusStanding: Hashable, Sendable {
  /// Nothing was published yet.
  case unknown
  case own
  /// The status belongs to another cluster; has the refusal to overwrite it and the remediation.
  case foreign(String)
}
