import GitStore
import Reports
import Synchronization

/// Writes statuses to refs of the repository that the changes came from. Does not overwrite the status of
/// another cluster.
public final class GitSink: StatusSink {
  private let mirror: Mirror
  private let refs: StatusRefs
  private let author: (name: String, email: String)
  private let guardian: StatusOwnership?
  private let now: @Sendable () -> Int64
  private let seen = Mutex<[String: ObjectID?]>([:])

  /// - Parameters:
  ///   - mirror: must follow `refs`.
  ///   - ownership: protects other clusters' statuses; nil overwrites them and records no owner.
  ///   - now: seconds since 1970, for the commits that carry statuses.
  public init(
    mirror: Mirror, refs: StatusRefs, author: (name: String, email: String) = ("kdops", "kdops@localhost"),
    ownership: StatusOwnership? = nil, now: @escaping @Sendable () -> Int64
  ) {
    self.mirror = mirror
    self.refs = refs
    self.author = author
    guardian = ownership
    self.now = now
  }

  public func publish(_ batch: StatusBatch) async throws {
    var updates: [RefUpdate] = []
    if let ref = refs.notes, !batch.notes.isEmpty {
      var notes: [ObjectID: [UInt8]?] = [:]
      for (commit, text) in batch.notes {
        if let id = ObjectID(hex: commit) { notes[id] = Array(text.utf8) }
      }
      let names = notes.keys.sorted().map(\.short)
      updates.append(try RefUpdate(ref: ref, .notes(notes), message: "Note on \(Self.list(names))"))
    }
    for ref in [refs.tree, refs.branch] {
      guard let ref, !batch.files.isEmpty || batch.keeping != nil else { continue }
      var files = batch.files
      if let keeping = batch.keeping {
        for path in await paths(of: ref) where files[path] == nil && !keeping.contains(path) {
          files.updateValue(nil, forKey: path)
        }
      }
      let names = files.keys.sorted().map { String($0.dropLast(5)) }
      if let owner = guardian?.owner { files[StatusOwner.path] = owner.bytes }
      guard !files.isEmpty else { continue }
      var message = names.isEmpty ? "Name the cluster" : "Status of \(Self.list(names))"
      if ref == refs.branch { message += "\n\n[skip ci]" }
      updates.append(try RefUpdate(ref: ref, .files(files), message: message))
    }
    guard !updates.isEmpty else { return }
    _ = try await mirror.publish(
      updates, author: Signature(name: author.name, email: author.email, seconds: now())
    ) { [guardian, refs, url = mirror.remote.url] (update, fetched) throws(GitError) in
      try guardian?.check(update, refs, fetched, remote: "\(url)")
    }
    guardian?.confirm()
  }

  /// Whether another writer changed or removed a ref since the last write here. Each such change is reported
  /// once.
  public func isOverwritten() async -> Bool {
    var found = false
    for ref in refs.all {
      do throws(GitError) {
        guard let (isOwn, known) = try await mirror.standing(ref) else { continue }
        let isNews = seen.withLock { $0.updateValue(known, forKey: ref) != known }
        if isNews, !isOwn { found = true }
      } catch {
        // The next fetch repairs the copy.
        continue
      }
    }
    return found
  }

  /// The last note of this cluster on a commit, if the mirror has fetched it; otherwise nil.
  public func note(on commit: ObjectID) async -> String? {
    guard let ref = refs.notes,
      let bytes = try? await mirror.repository.note(on: commit, ref: Mirror.trackingRef(ref))
    else { return nil }
    let text = String(decoding: bytes, as: UTF8.self)
    return guardian?.isForeign(note: text) == true ? nil : text
  }

  /// The cluster files of a ref that the mirror has fetched: `NAMESPACE/NAME.yaml`. Empty if the ref has unreadable
  /// content; in that case the new status is not merged with it either.
  private func paths(of ref: String) async -> [String] {
    guard let tip = try? await mirror.known(ref), let selection = try? PathSelection(patterns: ["*/*.yaml"])
    else { return [] }
    return (try? await mirror.repository.tree(at: tip, selection).filter(\.isWithinReach).map(\.path)) ?? []
  }

  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(3).joined(separator: ", ")
    return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
  }
}
