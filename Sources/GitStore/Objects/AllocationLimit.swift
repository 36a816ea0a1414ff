import CLibgit2
import Glibc

/// Limits the size of a single allocation by libgit2.
///
/// An object in a pack may be stored as a delta against a base object, and libgit2 unpacks the whole base, however
/// small the result is. `RepositoryHandle.charge` refuses such objects before libgit2 reads them. This limit also
/// covers what libgit2 reads on its own: it then fails as it does without memory, and `GitError.last` makes an error
/// of kind `.tooLarge` of it.
enum AllocationLimit {
  /// Bytes of one allocation, on every thread that sets no other limit; also on the threads that libgit2 starts.
  /// Applying a delta takes up to three allocations: the base, the delta and the result.
  static let standard = 33 << 20
  /// The limit in bytes of one allocation during a fetch over the network, and while one object is copied.
  static let transfer = 129 << 20
  /// No limit, for lists whose size depends on the number of objects or files of a repository, not on the content of
  /// one object.
  static let none = Int.max

  /// Runs a closure on the calling thread with another limit.
  static func run<Value: ~Copyable, Failure>(
    _ bytes: Int, _ body: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let outer = pthread_getspecific(key)
    pthread_setspecific(key, UnsafeRawPointer(bitPattern: bytes))
    defer { pthread_setspecific(key, outer) }
    return try body()
  }

  /// Runs a closure on the calling thread with a limit that allows an object of this size.
  static func allowing<Value: ~Copyable, Failure>(
    objectOf size: Int, _ body: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let needed = size.addingReportingOverflow(1 << 20)
    let bytes = needed.overflow ? none : needed.partialValue
    return bytes <= current ? try body() : try run(bytes, body)
  }

  /// The limit of the calling thread.
  static var current: Int { pthread_getspecific(key).map { Int(bitPattern: $0) } ?? standard }

  /// The calling thread's own limit; nil means `standard`.
  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key, nil)
    return key
  }()

  /// Smaller allocations are not compared with the thread's limit.
  private static let alwaysAllowed = 1 << 20

  @inline(__always)
  private static func allows(_ bytes: Int) -> Bool { bytes < alwaysAllowed || allowsLarge(bytes) }

  @inline(never)
  private static func allowsLarge(_ bytes: Int) -> Bool {
    bytes <= current
  }

  /// Sets the functions by which libgit2 allocates. They use `malloc` and `free`, as libgit2's own do, so that memory
  /// from before is freed correctly.
  static func install() throws(GitError) {
    var allocator = kdops_allocator(
      gmalloc: { bytes, _, _ in AllocationLimit.allocate(bytes) },
      gcalloc: { count, size, _, _ in
        let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
        return !overflow && AllocationLimit.allows(bytes)
          ? calloc(count, size) ?? AllocationLimit.outOfMemory() : AllocationLimit.refused()
      },
      gstrdup: { text, _, _ in text.flatMap { AllocationLimit.copy($0, strlen($0)) } },
      gstrndup: { text, length, _, _ in text.flatMap { AllocationLimit.copy($0, strnlen($0, length)) } },
      gsubstrdup: { text, length, _, _ in text.flatMap { AllocationLimit.copy($0, length) } },
      grealloc: { old, bytes, _, _ in AllocationLimit.reallocate(old, bytes) },
      greallocarray: { old, count, size, _, _ in
        let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
        return overflow ? AllocationLimit.refused() : AllocationLimit.reallocate(old, bytes)
      },
      gmallocarray: { count, size, _, _ in
        let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
        return overflow ? AllocationLimit.refused() : AllocationLimit.allocate(bytes)
      },
      gfree: { free($0) })
    try check(kdops_set_allocator(&allocator), "limit libgit2's memory")
  }

  private static func allocate(_ bytes: Int) -> UnsafeMutableRawPointer? {
    allows(bytes) ? malloc(bytes) ?? outOfMemory() : refused()
  }

  private static func reallocate(_ old: UnsafeMutableRawPointer?, _ bytes: Int) -> UnsafeMutableRawPointer? {
    allows(bytes) ? realloc(old, bytes) ?? outOfMemory() : refused()
  }

  private static func copy(_ text: UnsafePointer<CChar>, _ length: Int) -> UnsafeMutablePointer<CChar>? {
    guard length < Int.max, let memory = allocate(length + 1) else { return nil }
    memcpy(memory, text, length)
    let copy = memory.assumingMemoryBound(to: CChar.self)
    copy[length] = 0
    return copy
  }

  /// Reports to libgit2 that there is no memory.
  private static func outOfMemory() -> UnsafeMutableRawPointer? {
    pthread_setspecific(refusalKey, nil)
    git_error_set_oom()
    return nil
  }

  /// Reports to libgit2 that there is no memory, although only the limit does not allow it.
  private static func refused() -> UnsafeMutableRawPointer? {
    pthread_setspecific(refusalKey, UnsafeRawPointer(bitPattern: 1))
    git_error_set_oom()
    return nil
  }

  /// Whether the limit was the reason for the last allocation that failed on the calling thread. Forgets the reason.
  static func takeRefusal() -> Bool {
    defer { pthread_setspecific(refusalKey, nil) }
    return pthread_getspecific(refusalKey) != nil
  }

  private static let refusalKey: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key, nil)
    return key
  }()
}
