import CLibgit2
import TestSupport
import Testing

@testable import GitStore

@Suite("Memory limits")
struct AllocationLimitTests {
  @Test("an allocation above the limit is an object that is too large; other failures are a lack of memory")
  func reasons() async throws {
    let work = try TemporaryRepository()
    try work.commit(["a": String(repeating: "0", count: 3 << 20)])
    let handle = try RepositoryHandle(RepositoryLocation(path: work.path))
    var id = try #require(ObjectID(hex: try work.head("HEAD:a"))).raw
    var object: OpaquePointer?
    let code = AllocationLimit.run(2 << 20) { git_odb_read(&object, handle.objectStore, &id) }
    #expect(code < 0 && GitError.last(code, "read").kind == .tooLarge)
    git_error_set_oom()
    let error = GitError.last(-1, "read")
    #expect(error.kind == .outOfMemory && error.isTransient && error.hint?.contains("memory") == true)
  }
}
