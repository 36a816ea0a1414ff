import GitStore
import Reports
import Synchronization
import Values

/// Decides whether a status may be written: never over the status of another cluster.
///
/// The owner in the status tree decides. If the tree names no owner, as with an older kdops, or if trees are
/// disabled, the owner of each note decides. A status without an owner is overwritten.
public final class StatusOwnership: Sendable {
  /// The cluster of this daemon.
  public let owner: StatusOwner
  private let read: @Sendable ([UInt8]) -> JSON?
  private let takesOver: Mutex<Bool>
  private let known = Mutex(StatusStanding.unknown)

  /// The owner of the status in git, as found by the last publication.
  public var standing: StatusStanding { known.withLock(\.self) }

  /// - Parameters:
  ///   - takesOver: whether to overwrite another cluster's status, until one publication has succeeded.
  ///   - read: parses YAML; returns nil for invalid YAML.
  public init(_ owner: StatusOwner, takesOver: Bool = false, read: @escaping @Sendable ([UInt8]) -> JSON?) {
    self.owner = owner
    self.read = read
    self.takesOver = Mutex(takesOver)
  }

  /// - Throws: `GitError` of kind `.otherWriter`, with advice on how to resolve it.
  func check(
    _ update: RefUpdate, _ refs: StatusRefs, _ fetched: FetchedRefs, remote: String
  ) throws(GitError) {
    do throws(GitError) { try compare(update, refs, fetched, remote: remote) } catch {
      if error.kind == .otherWriter { known.withLock { $0 = .foreign("\(error)") } }
      throw error
    }
  }

  private func compare(
    _ update: RefUpdate, _ refs: StatusRefs, _ fetched: FetchedRefs, remote: String
  ) throws(GitError) {
    guard !takesOver.withLock(\.self) else { return }
    for ref in [refs.tree, refs.branch].compactMap(\.self) {
      guard let bytes = try fetched.file(StatusOwner.path, of: ref, limit: StatusOwner.sizeLimit),
        let found = read(bytes).flatMap(StatusOwner.init)
      else { continue }
      guard owner.isSameCluster(as: found) else { throw refusal(ref, remote, found) }
      return
    }
    guard case .notes(let notes) = update.changes else { return }
    for commit in notes.keys.sorted() {
      guard let bytes = try fetched.note(on: commit, of: update.ref, limit: NoteText.sizeLimit),
        let found = owner(ofNote: String(decoding: bytes, as: UTF8.self)), !owner.isSameCluster(as: found)
      else { continue }
      throw refusal("the note on \(commit.short) in \(update.ref)", remote, found)
    }
  }

  /// Records a successful publication: from now on the status belongs to this cluster.
  func confirm() {
    takesOver.withLock { $0 = false }
    known.withLock { $0 = .own }
  }

  /// Whether another cluster wrote a note.
  func isForeign(note: String) -> Bool {
    owner(ofNote: note).map { !owner.isSameCluster(as: $0) } ?? false
  }

  private func owner(ofNote text: String) -> StatusOwner? {
    NoteText.body(of: text).flatMap { read(Array($0.utf8)) }.flatMap(StatusOwner.init)
  }

  private func refusal(_ place: String, _ remote: String, _ other: StatusOwner) -> GitError {
    GitError(
      .otherWriter,
      "\(place) of \(remote) holds the status of another cluster, \(other.words); this one is \(owner.words)",
      hint: "so that both can follow the repository, give one a name: kdops run --installation NAME; "
        + "if this one has replaced the other: kdops run --take-over-status")
  }
}
