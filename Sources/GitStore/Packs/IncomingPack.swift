import CLibgit2
import Glibc

/// A pack that a remote sends. It is stored and checked before libgit2 indexes it.
final class IncomingPack {
  private let folder: String
  private let objects: OpaquePointer
  private let descriptor: Int32

  /// - Parameters:
  ///   - folder: the folder of the packs.
  ///   - objects: the store of objects that the pack may refer to.
  init(in folder: String, _ objects: OpaquePointer) throws(GitError) {
    (self.folder, self.objects) = (folder, objects)
    let path = "\(folder)/tmp_pack_\(UInt64.random(in: 0 ... .max))"
    descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.failed(folder) }
    // The descriptor keeps the file, so that nothing remains after a crash.
    unlink(path)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func append(_ bytes: UnsafeRawBufferPointer) throws(GitError) {
    var rest = bytes
    while !rest.isEmpty {
      let done = write(descriptor, rest.baseAddress, rest.count)
      if done < 0, errno == EINTR { continue }
      guard done > 0 else { throw Self.failed(folder) }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(done))
    }
  }

  /// Checks the pack and adds it to the store.
  ///
  /// - Parameters:
  ///   - progress: libgit2's counts, the function that gets them, and its argument.
  ///   - known: returns what is known about an object of the repository.
  func index(
    _ progress: Progress, budget: UnpackBudget, known: @escaping PackCheck.KnownObject
  ) throws(GitError) {
    guard let file = MappedFile(descriptor: descriptor) else {
      throw GitError(
        .corruptRemote, "the remote sent no pack", hint: "run `git fsck` on the remote repository")
    }
    try Self.check(file, progress, budget: budget, known: known)
    var options = git_indexer_options()
    try GitStore.check(
      git_indexer_options_init(&options, UInt32(GIT_INDEXER_OPTIONS_VERSION)), "prepare")
    options.progress_cb = progress.function
    options.progress_cb_payload = progress.payload
    let indexer = try Owned("write a pack into \(folder)", release: git_indexer_free) {
      git_indexer_new(&$0, folder, 0, objects, &options)
    }
    var offset = 0
    while offset < file.count {
      try progress.tick()
      let count = min(Self.chunk, file.count - offset)
      let code = git_indexer_append(
        indexer.pointer, file.bytes.baseAddress.map { $0 + offset }, count, progress.counts)
      try GitStore.check(code, "index a pack")
      offset += count
      if offset % Self.releasing == 0 { file.release(offset - Self.releasing..<offset) }
    }
    try GitStore.check(git_indexer_commit(indexer.pointer, progress.counts), "index a pack")
    extendLifetime(file)
  }

  /// Runs the check, and frees its memory before libgit2 allocates memory for the same objects.
  private static func check(
    _ file: MappedFile, _ progress: Progress, budget: UnpackBudget, known: @escaping PackCheck.KnownObject
  ) throws(GitError) {
    var check = try PackCheck(
      file, limit: AllocationLimit.current, budget: budget, known: known, tick: progress.tick)
    try check.run()
  }

  /// The number of bytes that are indexed between two calls of the progress function. They unpack to some 64 MiB at
  /// most.
  private static let chunk = 64 << 10
  /// Pages of the pack that were indexed are released after this many bytes.
  private static let releasing = 256 * chunk

  /// libgit2's progress of a fetch.
  struct Progress {
    let counts: UnsafeMutablePointer<git_indexer_progress>
    let function: git_indexer_progress_cb?
    let payload: UnsafeMutableRawPointer?

    /// - Throws: `GitError` of kind `.cancelled` if the fetch was stopped; the caller knows the reason.
    func tick() throws(GitError) {
      if let function, function(counts, payload) != 0 { throw GitError(.cancelled, "the fetch was stopped") }
    }
  }

  private static func failed(_ folder: String) -> GitError {
    GitError(
      .other, "cannot write a pack into \(folder): \(String(cString: strerror(errno)))",
      hint: "check the disk")
  }
}
