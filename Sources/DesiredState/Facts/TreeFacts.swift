import Diagnostics
import FoundationEssentials
import GitStore
import KubeDirector
import Manifests
import Rules
import Synchronization
import Values

/// Answers the judge's questions about unchanged files from the facts that were stored when the tree was
/// read.
final class TreeFacts: Archive {
  /// The tree that the facts are about, and the number of its apps, clusters and values.
  struct Info: Sendable, Hashable {
    var tree: ObjectID
    var apps: Int
    var clusters: Int
    var values: Int

    var bytes: [UInt8] { FactBytes(tree.hex, "\(apps)", "\(clusters)", "\(values)").bytes }

    init(tree: ObjectID, apps: Int, clusters: Int, values: Int) {
      (self.tree, self.apps, self.clusters, self.values) = (tree, apps, clusters, values)
    }

    init?(_ bytes: [UInt8]) {
      guard let texts = FactBytes.texts(bytes), texts.count == 4, let tree = ObjectID(hex: texts[0]),
        let apps = UInt32(texts[1]), let clusters = UInt32(texts[2]), let values = UInt32(texts[3])
      else { return nil }
      self.init(tree: tree, apps: Int(apps), clusters: Int(clusters), values: Int(values))
    }
  }

  let info: Info
  private let table: FactTable
  let layout: RepositoryLayout
  private let reader: ObjectReader
  private let failed = Mutex(false)
  private let places: Mutex<TreePlaces>

  /// - Throws: `FactTable.Damage` if the table has no facts about a tree.
  init(_ table: FactTable, layout: RepositoryLayout, reader: ObjectReader) throws(FactTable.Damage) {
    guard let info = Info(table.info), let selection = try? layout.selection() else {
      throw FactTable.Damage()
    }
    (self.info, self.table, self.layout, self.reader) = (info, table, layout, reader)
    places = Mutex(TreePlaces(info.tree, selection))
  }

  /// Whether a question could not be answered. If so, every conclusion drawn from these facts is invalid.
  var hasFailed: Bool { failed.withLock(\.self) }

  // MARK: Archive

  var counts: (apps: Int, clusters: Int) { (info.apps, info.clusters) }

  var valueCount: Int { info.values }

  var apps: [ObjectReference] {
    answer([]) { () throws in
      try table.values(of: FactKey.apps).map { value in
        guard let texts = FactBytes.texts(value), texts.count == 2 else { throw FactTable.Damage() }
        return .app(texts[0], texts[1])
      }
    }
  }

  var readAlways: [String] {
    answer([]) { () throws in
      try table.values(of: FactKey.readAlways).map { value in
        guard let texts = FactBytes.texts(value), texts.count == 1 else { throw FactTable.Damage() }
        return texts[0]
      }
    }
  }

  var paths: [String] {
    answer([]) { () throws in
      try reader.entries(inTree: info.tree, try layout.selection())
        .filter { RepositoryLayout.mayHoldObjects($0) }.map(\.path)
    }
  }

  func path(of object: ObjectReference) -> String? {
    answer(nil) { () throws in
      guard isPlain(object.kind, object.namespace, object.name) else { throw FactTable.Damage() }
      guard let value = try table.values(of: FactKey.object(object)).first else { return nil }
      guard let texts = FactBytes.texts(value), texts.count == 1 else { throw FactTable.Damage() }
      return texts[0]
    }
  }

  func clusters(with claim: ClusterClaim) -> [ArchivedClaim] {
    answer([]) { () throws in
      if case .app(let use) = claim, !isPlain(use.namespace ?? "", use.name) { throw FactTable.Damage() }
      return try table.values(of: FactKey.claim(claim)).map { value in
        guard let texts = FactBytes.texts(value), texts.count == 3 else { throw FactTable.Damage() }
        return ArchivedClaim(cluster: .cluster(texts[0], texts[1]), catalog: AppCatalog(rawValue: texts[2]))
      }
    }
  }

  func file(_ path: String) -> ManifestFile? {
    answer(nil) { () throws in
      let place = ExactString(path)
      guard
        let entry = try places.withLock({ (places) throws(GitError) in try places.entry(at: place, reader) })
      else { return nil }
      guard entry.isFile else { return ManifestFile(unread: entry) }
      let limit = ManifestLimits.standard.bytes
      do throws(GitError) {
        return ManifestFile.parse(
          path: path, bytes: try reader.blob(entry.id, limit: limit),
          defaultNamespace: layout.defaultNamespace)
      } catch {
        guard error.kind == .tooLarge else { throw error }
        let size = try reader.size(ofBlob: entry.id)
        return size > limit ? ManifestFile(path: path, tooLarge: size) : ManifestFile(baseTooLarge: path)
      }
    }
  }

  private func isPlain(_ texts: String...) -> Bool { texts.allSatisfy(FactBytes.isPlain) }

  private func answer<Value>(_ nothing: Value, _ body: () throws -> Value) -> Value {
    do { return try body() } catch {
      failed.withLock { $0 = true }
      return nothing
    }
  }

  // MARK: Writing

  /// Encodes the facts about a completely read tree as the bytes of a file.
  static func bytes(of snapshot: Snapshot, tree: ObjectID, salt: UInt64) -> [UInt8] {
    var writer = FactTable.Writer()
    var info = Info(tree: tree, apps: 0, clusters: 0, values: snapshot.valueCount)
    let others = snapshot.forEachArchivable(isPlain: FactBytes.isPlain) { object in
      let reference = object.reference
      writer.add(FactKey.object(reference), FactBytes(object.path).bytes)
      if reference.kind == Wire.appKind {
        info.apps += 1
        writer.add(FactKey.apps, FactBytes(reference.namespace, reference.name).bytes)
      } else {
        info.clusters += 1
        let value = FactBytes(reference.namespace, reference.name, object.catalog?.rawValue ?? "").bytes
        for claim in object.claims { writer.add(FactKey.claim(claim), value) }
      }
    }
    for path in others { writer.add(FactKey.readAlways, FactBytes(path).bytes) }
    return writer.bytes(info: info.bytes, salt: salt)
  }
}
