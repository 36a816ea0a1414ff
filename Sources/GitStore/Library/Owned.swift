import CLibgit2

/// The single owner of an object that libgit2 allocated; frees it on deinit.
struct Owned: ~Copyable {
  let pointer: OpaquePointer
  private let release: (OpaquePointer?) -> Void

  init(_ pointer: OpaquePointer, release: @escaping (OpaquePointer?) -> Void) {
    self.pointer = pointer
    self.release = release
  }

  /// Takes the object that a libgit2 call returns through its first argument.
  ///
  /// - Parameters:
  ///   - doing: as in `GitError.last`.
  ///   - make: the call; gets the location for the result.
  ///   - release: libgit2's function that frees the object.
  init(
    _ doing: @autoclosure () -> String, release: @escaping (OpaquePointer?) -> Void,
    make: (inout OpaquePointer?) -> Int32
  ) throws(GitError) {
    var result: OpaquePointer?
    let code = make(&result)
    guard code >= 0, let result else { throw GitError.last(code < 0 ? code : -1, doing()) }
    self.init(result, release: release)
  }

  deinit { release(pointer) }
}
