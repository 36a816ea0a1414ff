import CLibgit2
import Glibc

/// The object store backend that receives packs in place of libgit2's own backend.
///
/// libgit2's own backend indexes a pack while it arrives, so a pack could not be checked first.
final class PackReceiver {
  private let folder: String
  /// The receiver belongs to the store of this repository.
  private unowned let handle: RepositoryHandle
  /// The error for which the last pack was refused.
  private var failure: GitError?

  private init(_ handle: RepositoryHandle) {
    self.handle = handle
    folder = handle.gitFolder + "objects/pack"
  }

  /// libgit2's own backends have the priorities 1 and 2.
  private static let priority: Int32 = 3

  /// Adds a receiver to the object store of a repository, which then owns it.
  static func install(in handle: RepositoryHandle) throws(GitError) -> PackReceiver {
    let receiver = PackReceiver(handle)
    guard let memory = calloc(1, MemoryLayout<kdops_pack_backend>.size) else {
      throw GitError(.outOfMemory, "cannot receive packs: there is not enough memory")
    }
    let raw = memory.bindMemory(to: kdops_pack_backend.self, capacity: 1)
    raw.pointee.receiver = Unmanaged.passRetained(receiver).toOpaque()
    raw.pointee.parent.version = UInt32(GIT_ODB_BACKEND_VERSION)
    // Without these two, libgit2 would read each missing object whole to get its size, and could not list objects.
    raw.pointee.parent.read_header = { _, _, _, _ in GIT_ENOTFOUND.rawValue }
    raw.pointee.parent.foreach = { _, _, _ in 0 }
    raw.pointee.parent.writepack = { out, backend, _, function, payload in
      guard let out, let backend else { return -1 }
      return PackReceiver.of(backend).map { $0.begin(out, backend, function, payload) } ?? -1
    }
    raw.pointee.parent.free = { backend in
      guard let backend, let raw = PackReceiver.raw(backend) else { return }
      raw.pointee.receiver.map { Unmanaged<PackReceiver>.fromOpaque($0).release() }
      Glibc.free(backend)
    }
    let backend = memory.assumingMemoryBound(to: git_odb_backend.self)
    let code = git_odb_add_backend(handle.objectStore, backend, priority)
    if code < 0 { raw.pointee.parent.free(backend) }
    try check(code, "receive packs")
    return receiver
  }

  private static func raw(
    _ backend: UnsafeMutablePointer<git_odb_backend>
  ) -> UnsafeMutablePointer<kdops_pack_backend>? {
    UnsafeMutableRawPointer(backend).assumingMemoryBound(to: kdops_pack_backend.self)
  }

  private static func of(_ backend: UnsafeMutablePointer<git_odb_backend>) -> PackReceiver? {
    raw(backend)?.pointee.receiver.map { Unmanaged<PackReceiver>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Removes and returns the error for which the last pack was refused; nil if it was not refused here.
  func takeFailure() -> GitError? { failure.take() }

  private func fail(_ error: GitError) -> Int32 {
    failure = error
    git_error_set_str(Int32(GIT_ERROR_INDEXER.rawValue), error.message)
    return -1
  }

  // MARK: One pack

  /// A pack while it arrives.
  private final class Writer {
    let receiver: PackReceiver
    let pack: IncomingPack
    let function: git_indexer_progress_cb?
    let payload: UnsafeMutableRawPointer?

    init(
      _ receiver: PackReceiver, _ pack: IncomingPack, _ function: git_indexer_progress_cb?,
      _ payload: UnsafeMutableRawPointer?
    ) {
      (self.receiver, self.pack, self.function, self.payload) = (receiver, pack, function, payload)
    }

    static func of(_ writer: UnsafeMutablePointer<git_odb_writepack>?) -> Writer? {
      writer.flatMap {
        UnsafeMutableRawPointer($0).assumingMemoryBound(to: kdops_pack_writer.self).pointee.pack
      }.map { Unmanaged<Writer>.fromOpaque($0).takeUnretainedValue() }
    }
  }

  private func begin(
    _ out: UnsafeMutablePointer<UnsafeMutablePointer<git_odb_writepack>?>,
    _ backend: UnsafeMutablePointer<git_odb_backend>, _ function: git_indexer_progress_cb?,
    _ payload: UnsafeMutableRawPointer?
  ) -> Int32 {
    failure = nil
    let pack: IncomingPack
    do throws(GitError) {
      pack = try IncomingPack(in: folder, handle.objectStore)
    } catch {
      return fail(error)
    }
    guard let memory = calloc(1, MemoryLayout<kdops_pack_writer>.size) else { return -1 }
    let raw = memory.bindMemory(to: kdops_pack_writer.self, capacity: 1)
    raw.pointee.pack = Unmanaged.passRetained(Writer(self, pack, function, payload)).toOpaque()
    raw.pointee.parent.backend = backend
    raw.pointee.parent.append = { writer, data, count, _ in
      Writer.of(writer).map { $0.receiver.append(UnsafeRawBufferPointer(start: data, count: count), to: $0) }
        ?? -1
    }
    raw.pointee.parent.commit = { writer, counts in
      guard let writer = Writer.of(writer), let counts else { return -1 }
      return writer.receiver.commit(writer, counts)
    }
    raw.pointee.parent.free = { writer in
      guard let writer else { return }
      Writer.of(writer).map { Unmanaged.passUnretained($0).release() }
      Glibc.free(writer)
    }
    out.pointee = memory.assumingMemoryBound(to: git_odb_writepack.self)
    return 0
  }

  private func append(_ bytes: UnsafeRawBufferPointer, to writer: Writer) -> Int32 {
    do throws(GitError) {
      try writer.pack.append(bytes)
      return 0
    } catch {
      return fail(error)
    }
  }

  private func commit(_ writer: Writer, _ counts: UnsafeMutablePointer<git_indexer_progress>) -> Int32 {
    let progress = IncomingPack.Progress(counts: counts, function: writer.function, payload: writer.payload)
    let budget = UnpackBudget(allowance: .eachObject)
    let known = { [handle] (id: ObjectID) throws(GitError) -> (type: git_object_t, cost: Int)? in
      guard let found = try handle.packed(id) else { return nil }
      return (found.chain.type, try handle.checked(id, found).cost)
    }
    do throws(GitError) {
      try writer.pack.index(progress, budget: budget, known: known)
      return 0
    } catch {
      return fail(error)
    }
  }
}
