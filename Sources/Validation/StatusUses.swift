import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Reports
import Rules

/// Finds the running clusters that need an app, according to the status tree.
///
/// The result for one tree is stored as facts. For a later tree, only the files that differ are read.
struct StatusUses: Sendable {
  /// Nil if every file was read.
  private let table: FactTable?
  /// The clusters whose files were read again, so that their stored facts are ignored.
  private let fresh: Set<ObjectReference>
  private let uses: [AppUse: [ObjectReference]]

  /// The maximum number of files that may differ from the known tree. Beyond it, all files are read.
  private static let differenceLimit = 500

  /// The maximum size in bytes of all files that are read, one after another.
  private static let totalLimit = 128 << 20

  /// - Parameter store: With nil, everything is read and nothing is stored.
  static func find(
    in tree: ObjectID, _ reader: ObjectReader, _ store: FactStore?
  ) throws(GitError) -> StatusUses {
    if let table = store?.table(of: .statuses), let known = try known(table, tree, reader) { return known }
    let found = try read(try reader.entries(inTree: tree, GitStatus.selection), reader)
    if let store, found.keys.allSatisfy(\.isPlain) {
      var writer = FactTable.Writer()
      for (use, clusters) in found {
        for cluster in clusters {
          writer.add(FactKey.claim(.app(use)), FactBytes(cluster.namespace, cluster.name).bytes)
        }
      }
      let info = FactBytes(tree.hex).bytes
      store.keep(writer.bytes(info: info, salt: UInt64.random(in: 0...UInt64.max)), of: .statuses)
    }
    return StatusUses(table: nil, fresh: [], uses: found)
  }

  /// Returns nil if the stored facts cannot be used.
  private static func known(
    _ table: FactTable, _ tree: ObjectID, _ reader: ObjectReader
  ) throws(GitError) -> StatusUses? {
    guard let texts = FactBytes.texts(table.info), texts.count == 1, let old = ObjectID(hex: texts[0]),
      let differences = try? reader.differences(from: old, to: tree, GitStatus.selection),
      differences.count <= differenceLimit
    else { return nil }
    let fresh = Set(differences.compactMap { StatusFiles.cluster(of: $0.path) })
    return StatusUses(
      table: table, fresh: fresh, uses: try read(differences.compactMap(\.new), reader))
  }

  private static func read(
    _ entries: [TreeEntry], _ reader: ObjectReader
  ) throws(GitError) -> [AppUse: [ObjectReference]] {
    var found: [AppUse: [ObjectReference]] = [:]
    var bytesLeft = totalLimit
    for entry in entries where entry.isFile {
      guard let cluster = StatusFiles.cluster(of: entry.path) else { continue }
      let size = try reader.size(ofBlob: entry.id)
      guard size <= GitStatus.fileLimit else { continue }
      bytesLeft -= size
      guard bytesLeft >= 0 else {
        throw GitError(.tooLarge, "its files have more than \(totalLimit >> 20) MiB together")
      }
      guard
        let status = GitStatus.parse(try reader.blob(entry.id, limit: GitStatus.fileLimit), entry.path)?
          .status
      else { continue }
      for use in AppUse.uses(of: status, by: cluster) { found[use, default: []].append(cluster) }
    }
    return found
  }

  /// Returns the clusters that use the app, without duplicates.
  ///
  /// - Throws: `Damage` if the stored facts are damaged or cannot answer.
  func clusters(_ use: AppUse) throws(FactTable.Damage) -> Set<ObjectReference> {
    var found = Set(uses[use] ?? [])
    guard let table else { return found }
    guard use.isPlain else { throw FactTable.Damage() }
    for value in try table.values(of: FactKey.claim(.app(use))) {
      guard let texts = FactBytes.texts(value), texts.count == 2 else { throw FactTable.Damage() }
      let cluster = ObjectReference.cluster(texts[0], texts[1])
      if !fresh.contains(cluster) { found.insert(cluster) }
    }
    return found
  }
}

extension AppUse {
  fileprivate var isPlain: Bool { FactBytes.isPlain(name) && FactBytes.isPlain(namespace ?? "") }
}
