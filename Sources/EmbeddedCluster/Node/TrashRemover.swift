/// Empties the trash on its own thread, so that pods and the cluster do not wait for it.
///
/// Folders that remain when the process ends are removed after the next start.
actor TrashRemover {
  private let files = BlockingPool(width: 1)
  private let empty: @Sendable () -> Void
  private var isWanted = false
  private var work: Task<Void, Never>?

  /// - Parameter empty: removes as much of the trash as possible.
  init(_ empty: @escaping @Sendable () -> Void) { self.empty = empty }

  /// Starts a removal without waiting for its end.
  func wake() {
    isWanted = true
    // Not a child task of the caller, which would have to wait for it.
    if work == nil { work = Task { await removeAll() } }
  }

  /// Waits until the trash is empty.
  func settle() async {
    while let work { await work.value }
  }

  private func removeAll() async {
    while isWanted {
      isWanted = false
      let empty = empty
      try? await files.run(key: "") { empty() }
    }
    work = nil
  }
}
