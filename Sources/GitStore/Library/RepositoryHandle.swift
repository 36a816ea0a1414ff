import CLibgit2
import Glibc

/// An open `git_repository` and its object store. Belongs to one thread at a time: an actor keeps it.
final class RepositoryHandle {
  private let repository: Owned
  private let objects: Owned
  let location: RepositoryLocation
  let packs: PackStore
  /// The current operation's limit on the bytes that libgit2 unpacks.
  var budget = UnpackBudget()
  /// Checks the packs that are fetched into this repository; nil before the first fetch.
  private var receiver: PackReceiver?
  /// The last object that was found in a pack, and its place. Cached, because callers get an object's size before
  /// they read it.
  private var last: (id: ObjectID, found: PackStore.Found)?

  var pointer: OpaquePointer { repository.pointer }
  var objectStore: OpaquePointer { objects.pointer }

  /// Opens the repository at a location.
  ///
  /// - Throws: `GitError`: `.gone` if there is no repository, `.refused` if it belongs to another user.
  init(_ location: RepositoryLocation) throws(GitError) {
    try GitLibrary.start()
    self.location = location
    let flags = location.search ? 0 : GIT_REPOSITORY_OPEN_NO_SEARCH.rawValue
    let opened = try Self.explained(location.path) { () throws(GitError) in
      try Owned("open the repository \(location.path)", release: git_repository_free) {
        git_repository_open_ext(&$0, location.path, flags, nil)
      }
    }
    let pointer = opened.pointer
    repository = opened
    if let folder = location.objectFolder {
      objects = try Owned("open the object store \(folder)", release: git_odb_free) {
        git_odb_open(&$0, folder)
      }
    } else {
      objects = try Owned("open the object store", release: git_odb_free) {
        git_repository_odb(&$0, pointer)
      }
    }
    let common = git_repository_commondir(pointer).map { String(cString: $0) } ?? location.path + "/"
    packs = try PackStore(ObjectFolders(location, commonFolder: common))
    for folder in location.alternateObjectFolders {
      try check(git_odb_add_disk_alternate(objects.pointer, folder), "open the object store \(folder)")
    }
    if location.objectFolder != nil {
      try check(git_repository_set_odb(pointer, objects.pointer), "use another object store")
    }
  }

  private static func explained(
    _ path: String, _ body: () throws(GitError) -> Owned
  ) throws(GitError) -> Owned {
    do throws(GitError) {
      return try body()
    } catch {
      switch error.kind {
      case .gone:
        throw GitError(
          .gone, "\(whole(path)) is not a git repository",
          hint: "check the path, or create one with `git init`")
      case .refused:
        // git compares absolute paths.
        throw GitError(
          .refused, "the repository \(whole(path)) belongs to another user",
          hint: "run `git config --global --add safe.directory \(whole(path))` if you trust its owner")
      default: throw error
      }
    }
  }

  /// The absolute path, with symbolic links resolved.
  private static func whole(_ path: String) -> String {
    let resolved = realpath(path, nil)
    defer { free(resolved) }
    return resolved.map { String(cString: $0) } ?? path
  }

  /// The git folder, with a `/` at the end.
  var gitFolder: String { git_repository_path(pointer).map { String(cString: $0) } ?? location.path }

  /// The git folder that linked work trees share.
  var commonFolder: String { git_repository_commondir(pointer).map { String(cString: $0) } ?? gitFolder }

  /// The work tree, with a `/` at the end; nil for a bare repository.
  var workTree: String? {
    if let path = location.workTree { return path.utf8.last == UInt8(ascii: "/") ? path : path + "/" }
    return git_repository_workdir(pointer).map { String(cString: $0) }
  }

  var isBare: Bool { git_repository_is_bare(pointer) == 1 }
  var isShallow: Bool { git_repository_is_shallow(pointer) == 1 }
}

/// An object as it is stored.
struct RawObject: ~Copyable {
  private let object: Owned

  init(_ object: consuming Owned) { self.object = object }

  /// Calls `body` with the bytes, which are valid only during the call.
  borrowing func withBytes<Value, Failure>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    defer { extendLifetime(self) }
    return try body(
      UnsafeRawBufferPointer(
        start: git_odb_object_data(object.pointer), count: git_odb_object_size(object.pointer)))
  }

  var bytes: [UInt8] { withBytes { Array($0) } }

  /// The bytes, valid as long as the object: the caller must extend the object's lifetime.
  var unsafeBytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      start: git_odb_object_data(object.pointer), count: git_odb_object_size(object.pointer))
  }

  var count: Int { git_odb_object_size(object.pointer) }

  var type: git_object_t { git_odb_object_type(object.pointer) }
}

extension RepositoryHandle {
  /// Returns the receiver that checks the packs fetched into this repository.
  func packReceiver() throws(GitError) -> PackReceiver {
    if let receiver { return receiver }
    let new = try PackReceiver.install(in: self)
    receiver = new
    return new
  }

  /// Finds an object in the packs; nil if it is a loose object, or missing.
  ///
  /// - Throws: `GitError`: `.corrupt` and `.tooLarge` as `Pack.chain`, `.tooLarge` beyond the `budget`.
  func packed(_ id: ObjectID) throws(GitError) -> PackStore.Found? {
    if let last, last.id == id { return last.found }
    let result = Result { () throws(GitError) in try find(id) }
    // Measuring a chain takes time, even if the chain turns out to be too deep.
    let measured = packs.takeMeasured()
    if measured > 0 { try budget.take(measured * DeltaChain.step) }
    guard let found = try result.get() else { return nil }
    // An object that is in no pack now may be in one after a fetch.
    last = (id, found)
    return found
  }

  private func find(_ id: ObjectID) throws(GitError) -> PackStore.Found? {
    if let found = try packs.find(id) { return found }
    // A pack may be so new that its folder seems unchanged.
    return packs.folders.hasLoose(id) ? nil : try packs.find(id, again: true)
  }

  /// Whether the object exists.
  func has(_ id: ObjectID) -> Bool {
    var raw = id.raw
    return git_odb_exists(objectStore, &raw) == 1
  }

  func missing(_ id: ObjectID, _ code: Int32) -> GitError {
    let error = GitError.last(code, "read object \(id)")
    guard error.kind == .gone else {
      if error.kind == .tooLarge || error.kind == .outOfMemory { return error }
      return GitError(.corrupt, error.message, hint: "run `git fsck` there to see what is damaged")
    }
    if isShallow {
      return GitError(
        .shallow, "object \(id) is not in \(gitFolder), which is a shallow clone",
        hint: "fetch the whole history: `git fetch --unshallow`, or full depth in CI")
    }
    return GitError(.gone, "object \(id) is not in \(gitFolder)", hint: "fetch it first")
  }

  static func name(of type: git_object_t) -> String {
    git_object_type2string(type).map { String(cString: $0) } ?? "object"
  }

  /// The tree of a commit, parsed from the commit's own bytes.
  func tree(ofCommit id: ObjectID) throws(GitError) -> ObjectID {
    try commit(id).tree
  }
}
