import ClusterAPI
import KubeDirector
import Synchronization
import Values

/// The change of one object by one write.
struct Change: Sendable {
  var version: Int64
  var kind: String
  var name: ObjectName
  /// Nil for a created object.
  var old: Object?
  /// Nil for a deleted object; `old` is then its last state, with the version of its deletion.
  var new: Object?
}

/// The recent changes, and the watchers.
///
/// A watcher receives every event since its start version, in order, or its stream ends with `.gone`: if its
/// start version is older than the kept changes, or if it reads its events too slowly. It never misses an event
/// silently.
final class EventLog: Sendable {
  private struct Watcher {
    var kind: String
    var namespace: String?
    var labels: LabelSelector
    /// The last version that the watcher has received.
    var known: Int64
    var continuation: AsyncThrowingStream<WatchEvent, any Error>.Continuation
  }

  private struct State {
    /// The kept changes begin at `head`; earlier ones were discarded.
    var changes: [Change] = []
    var head = 0
    /// Every change after this version is kept.
    var floor: Int64
    var last: Int64
    var watchers: [Int: Watcher] = [:]
    var nextID = 0
  }

  private let state: Mutex<State>
  /// The watchers whose streams have ended. A lock of its own: a stream ends while the runtime holds the lock of the
  /// task that reads it, and an event is sent, with `state` locked, to a task whose lock the runtime takes.
  private let ended = Mutex<Set<Int>>([])
  private let window: Int
  private let backlog: Int

  /// - Parameters:
  ///   - window: the number of changes that are kept for watchers that resume.
  ///   - backlog: the maximum number of unread events of a watcher.
  init(version: Int64, window: Int, backlog: Int) {
    state = Mutex(State(floor: version, last: version))
    self.window = max(1, window)
    self.backlog = max(1, backlog)
  }

  func publish(_ changes: [Change]) {
    guard let last = changes.last?.version else { return }
    let gone = self.ended.withLock { ended in
      defer { ended = [] }
      return ended
    }
    var ended: [Watcher] = []
    state.withLock { state in
      for id in gone { state.watchers[id] = nil }
      for (id, watcher) in state.watchers {
        var current: Watcher? = watcher
        let isInTime = changes.allSatisfy { $0.kind != watcher.kind || send(&current, $0) }
        guard isInTime else {
          ended.append(watcher)
          state.watchers[id] = nil
          continue
        }
        // Without occasional bookmarks, the version of a watcher with few events would become too old to continue
        // from.
        if let known = current?.known, last - known > Int64(window / 4) {
          current?.known = last
          _ = watcher.continuation.yield(.bookmark(resourceVersion: String(last)))
        }
        state.watchers[id] = current
      }
      state.changes.append(contentsOf: changes)
      state.last = last
      trim(&state)
    }
    // Outside the lock: ending a stream calls back into `forget`.
    for watcher in ended { watcher.continuation.finish(throwing: Self.tooSlow) }
  }

  /// Streams all changes after a version, and then new ones. A bookmark marks the end of the past changes.
  func watch(
    kind: String, namespace: String?, labels: LabelSelector, after text: String
  ) -> AsyncThrowingStream<WatchEvent, any Error> {
    AsyncThrowingStream(bufferingPolicy: .bufferingOldest(backlog)) { continuation in
      let outcome: Result<Int, APIError> = state.withLock { state in
        guard let after = text.isEmpty ? state.last : Int64(text) else {
          return .failure(APIError(.invalid, "\"\(text)\" is no resourceVersion; take one from a list"))
        }
        guard after >= state.floor, after <= state.last else {
          return .failure(
            APIError(.gone, "resourceVersion \(after) of \(kind) is too old to continue from; list again"))
        }
        var watcher: Watcher? = Watcher(
          kind: kind, namespace: namespace, labels: labels, known: after, continuation: continuation)
        for change in state.changes[state.head...] where change.version > after && change.kind == kind {
          guard send(&watcher, change) else { return .failure(Self.tooSlow) }
        }
        watcher?.known = state.last
        _ = continuation.yield(.bookmark(resourceVersion: String(state.last)))
        let id = state.nextID
        state.nextID += 1
        state.watchers[id] = watcher
        return .success(id)
      }
      switch outcome {
      case .success(let id): continuation.onTermination = { [weak self] _ in self?.forget(id) }
      case .failure(let error): continuation.finish(throwing: error)
      }
    }
  }

  /// Ends every stream, because watchers may have received changes that were discarded.
  func restart(at version: Int64) {
    let ended = state.withLock { state in
      let watchers = state.watchers
      state = State(floor: version, last: version, nextID: state.nextID)
      return watchers.values
    }
    for watcher in ended {
      watcher.continuation.finish(throwing: APIError(.gone, "the store was read again from disk; list again"))
    }
  }

  /// The watcher is removed with the next changes.
  private func forget(_ id: Int) { ended.withLock { _ = $0.insert(id) } }

  private static let tooSlow = APIError(.gone, "the watcher took its events too slowly; list again")

  /// Sends a change to a watcher. Returns false if its buffer is full or its stream has ended.
  private func send(_ watcher: inout Watcher?, _ change: Change) -> Bool {
    guard let receiver = watcher, let event = Self.event(change, for: receiver) else { return true }
    guard case .enqueued = receiver.continuation.yield(event) else { return false }
    watcher?.known = change.version
    return true
  }

  /// Converts a change to the event for a watcher that sees only some of the objects.
  private static func event(_ change: Change, for watcher: Watcher) -> WatchEvent? {
    guard watcher.namespace == nil || watcher.namespace == change.name.namespace else { return nil }
    func sees(_ object: Object?) -> Object? { object.flatMap { watcher.labels.matches($0) ? $0 : nil } }
    switch (sees(change.old), sees(change.new)) {
    case (nil, nil): return nil
    case (nil, let new?): return .added(new)
    case (_?, let new?): return .modified(new)
    case (let old?, nil): return .deleted(change.new ?? old)
    }
  }

  private func trim(_ state: inout State) {
    let surplus = state.changes.count - state.head - window
    guard surplus > 0 else { return }
    state.floor = state.changes[state.head + surplus - 1].version
    state.head += surplus
    // Discarded in larger batches, because moving the remaining changes each time would cost more than keeping
    // them.
    if state.head >= window {
      state.changes.removeFirst(state.head)
      state.head = 0
    }
  }
}
