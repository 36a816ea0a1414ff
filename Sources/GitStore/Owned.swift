import CLibgit2

/// The one owner of something that libgit2 allocated; frees it at the end of its life.
struct Owned: ~Copyable {
  let pointer: OpaquePointer
  private let release: (OpaquePointer?) -> Void

  init(_ pointer: OpaquePointer, release: @escaping (OpaquePointer?) -> Void) {
    self.pointer = pointer
    self.release = release
  }

  /// Takes what a libgit2 call returned through its first argument.
  ///
  /// - Parameters:
  ///   - doing: as in `GitError.last`.
  ///   - make: the call; gets the place for the result.
  ///   - release: libgit2's function that frees such a thing.
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
