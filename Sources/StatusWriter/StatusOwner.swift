import Diagnostics
import Values

/// The cluster that a status tree and its notes speak of.
///
/// Two clusters that follow one repository under the same installation would overwrite each other's status. Each
/// writes its id with what it writes, and refuses to overwrite what bears another one.
public struct StatusOwner: Sendable, Hashable {
  /// Unique, and the same for as long as the cluster exists.
  public var id: String
  /// For people, such as `embedded cluster prod on build-7`.
  public var name: String
  /// Names where the cluster is stored, where that can hold one cluster at a time: one that is found there under
  /// another id has replaced the first. Nil where no such place is known.
  public var place: String?

  public init(id: String, name: String, place: String? = nil) {
    (self.id, self.name, self.place) = (id, name, place)
  }

  /// Where the status tree names its owner.
  public static let path = "writer.yaml"
  /// The longest file of that name that is read, in bytes.
  public static let sizeLimit = 4096

  /// Reads the owner of a status tree or a note, from the file or the note's second part. Anybody who may write the
  /// ref could have forged it.
  ///
  /// - Returns: nil where none is named, as by an older kdops.
  public init?(_ file: JSON) {
    guard file["schemaVersion"]?.integer == 1, let cluster = file["cluster"],
      let id = cluster["id"]?.string, !id.isEmpty
    else { return nil }
    self.init(
      id: clean(id, limit: 100), name: clean(cluster["name"]?.string ?? "", limit: 100),
      place: cluster["place"]?.string.map { clean($0, limit: 100) })
  }

  /// As it is written in a note, and below `cluster` in the tree.
  public var json: JSON {
    var out: JSON = ["id": .string(clean(id, limit: 100)), "name": .string(clean(name, limit: 100))]
    out["place"] = place.map { .string(clean($0, limit: 100)) }
    return out
  }

  /// The file of the status tree.
  public var bytes: [UInt8] {
    Array(YAMLText.block(["schemaVersion": 1, "cluster": json]).utf8)
  }

  /// The name and the first digits of the id: `embedded cluster prod on build-7 (1f2e3d4c)`.
  public var words: String {
    let short = TerminalText.visible(String(id.prefix(8)))
    return name.isEmpty ? "cluster \(short)" : "\(TerminalText.visible(name)) (\(short))"
  }

  /// Whether both are one cluster, or one has replaced the other in the same place.
  public func isSameCluster(as other: StatusOwner) -> Bool {
    id == other.id || (place != nil && place == other.place)
  }
}
