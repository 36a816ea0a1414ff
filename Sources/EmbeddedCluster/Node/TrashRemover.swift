/// Removes what was thrown away, on a thread of its own: pods come and go, and the cluster opens and stops, meanwhile.
///
/// What the end of the process leaves is removed after the next start.
actor TrashRemover {
  private let files = BlockingPool(width: 1)
  private let empty: @Sendable () -> [String]
  private var isWanted = false
  private var work: Task<Void, Never>?

  /// - Parameter empty: removes what it can, and returns the folders that it cannot.
  init(_ empty: @escaping @Sendable () -> [String]) { self.empty = empty }

  /// There is something to remove. Does not wait until it is removed.
  func wake() {
    isWanted = true
    // No child of whoever asks, who would have to wait for it.
    if work == nil { work = Task { await removeAll() } }
  }

  /// Waits until all is removed.
  func settle() async {
    while let work { await work.value }
  }

  private func removeAll() async {
    while isWanted {
      isWanted = false
      let empty = empty
      let left = try? await files.run(key: "") { empty() }
      for path in left ?? [] { await HostProcess.remove(path) }
    }
    work = nil
  }
}
