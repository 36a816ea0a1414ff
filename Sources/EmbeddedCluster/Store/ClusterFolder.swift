import Diagnostics
import Glibc

/// The folder of an embedded cluster. Only its owner has access: a reader would get the key of the stamps and the
/// volumes' content, and a writer could run any program.
struct ClusterFolder {
  let path: String

  static let mode: mode_t = 0o700
  static let fileMode: mode_t = 0o600
  static let database = "cluster.sqlite"
  /// The files that only the owner may access. SQLite gives the journal and its index the database's mode.
  private static let files = [database, "\(database)-wal", "\(database)-shm", "lock"]

  /// Creates the folder if it is missing, and repairs its permissions, before anything in it is opened.
  ///
  /// - Returns: whether other users could read it until now.
  /// - Throws: if another user owns the folder, or can replace it, or can write to it or to a file in it that
  ///   decides what runs.
  func prepare() throws(EmbeddedClusterError) -> Bool {
    try FolderPath(path).check(owner: geteuid())
    try make()
    let folder = try opened()
    let state = try state(folder)
    guard state.owner == geteuid() else {
      throw EmbeddedClusterError(
        "\(path) belongs to user \(state.owner), who could change its content. Run kdops as that user, "
          + "or give the folder to the one that runs it (chown -R \(geteuid()) \(ShellWord.path(path))), "
          + "or name a folder in it that does not exist yet")
    }
    if !isCluster, state.mode & 0o077 != 0, !isEmpty {
      // It may be any folder, such as /var/lib, so nothing in it is changed.
      throw EmbeddedClusterError(
        "\(path) is open to other users (mode \(String(state.mode, radix: 8))) and contains other files than "
          + "an embedded cluster. Name a folder that does not exist yet, such as \(path)/cluster: "
          + "it is created for its owner only")
    }
    if state.isWritable {
      guard try takeEmpty(folder) else { throw Self.writable(path, state.mode, repair: "chmod 700") }
    }
    let isOpen = state.mode & 0o077 != 0
    if isOpen { try close(folder) }
    let wasOpen = try repairFiles()
    try makeDatabase()
    return (isOpen && !state.isWritable) || wasOpen
  }

  /// Repairs the permissions of the folder before it is read, if this user owns it.
  ///
  /// - Throws: if users other than its owner can write to it or replace it.
  func check() throws(EmbeddedClusterError) {
    // If there is no cluster, the caller reports that.
    guard isCluster else { return }
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    let folder = Descriptor(descriptor)
    let state = try state(folder)
    try FolderPath(path).check(owner: state.owner)
    guard !state.isWritable else { throw Self.writable(path, state.mode, repair: "chmod 700") }
    guard state.owner == geteuid() else { return }
    if state.mode & 0o077 != 0 { try close(folder) }
    _ = try repairFiles()
  }

  // MARK: Steps

  private func make() throws(EmbeddedClusterError) {
    let parts = path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
    var folder = path.utf8.first == UInt8(ascii: "/") ? "" : "."
    for (index, part) in parts.enumerated() {
      folder += "/\(part)"
      let isLast = index == parts.count - 1
      guard mkdir(folder, isLast ? Self.mode : 0o755) == 0 || errno == EEXIST || (!isLast && errno == EROFS)
      else {
        throw failure("cannot be used")
      }
    }
  }

  private func opened() throws(EmbeddedClusterError) -> Descriptor {
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw failure("cannot be opened") }
    return Descriptor(folder)
  }

  private func state(_ folder: Descriptor) throws(EmbeddedClusterError) -> State {
    var info = stat()
    guard fstat(folder.number, &info) == 0 else { throw failure("cannot be looked at") }
    return State(info)
  }

  /// Restricts an empty folder that other users can write to, to its owner.
  /// - Returns: false if it is not empty; its content may belong to other users.
  private func takeEmpty(_ folder: Descriptor) throws(EmbeddedClusterError) -> Bool {
    guard isEmpty else { return false }
    try close(folder)
    return isEmpty
  }

  private var isCluster: Bool { SafeFolder.kind("\(path)/\(Self.database)") != nil }

  private var isEmpty: Bool { (try? SafeFolder.names(in: path).isEmpty) ?? false }

  private func close(_ folder: Descriptor) throws(EmbeddedClusterError) {
    guard fchmod(folder.number, Self.mode) == 0 else { throw failure("cannot be closed to others") }
  }

  /// Repairs the files' permissions; other users can no longer reach the files at this point.
  /// - Returns: whether other users could read a file until now.
  private func repairFiles() throws(EmbeddedClusterError) -> Bool {
    var wasOpen = false
    for name in Self.files {
      let file = "\(path)/\(name)"
      var info = stat()
      guard lstat(file, &info) == 0 else { continue }
      let state = State(info)
      guard info.st_mode & S_IFMT == S_IFREG, state.owner == geteuid() else {
        throw EmbeddedClusterError(
          "\(file) is not a file of user \(geteuid()), so others could change what runs; "
            + "find out who put it there, and move it away")
      }
      guard !state.isWritable else { throw Self.writable(file, state.mode, repair: "chmod 600") }
      guard state.mode & 0o077 != 0 else { continue }
      guard chmod(file, Self.fileMode) == 0 else { throw failure("cannot be closed to others: \(name)") }
      wasOpen = true
    }
    return wasOpen
  }

  /// Creates the database file first, because SQLite would create it with the umask's mode.
  private func makeDatabase() throws(EmbeddedClusterError) {
    let file = open("\(path)/\(Self.database)", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, Self.fileMode)
    guard file >= 0 else { throw failure("cannot be written to") }
    Glibc.close(file)
  }

  // MARK: Messages

  private func failure(_ what: String) -> EmbeddedClusterError {
    let reason = String(cString: strerror(errno))
    return EmbeddedClusterError("\(path) \(what): \(reason); check the path and who may write there")
  }

  private static func writable(_ path: String, _ mode: mode_t, repair: String) -> EmbeddedClusterError {
    EmbeddedClusterError(
      "Others may write to \(path) (mode \(String(mode, radix: 8))), so its content may be theirs, and they could "
        + "change what runs. Make sure that it is yours, then close it: \(repair) \(ShellWord.path(path))")
  }

  /// The owner and mode of a file or folder.
  private struct State {
    var owner: uid_t
    var mode: mode_t

    init(_ info: stat) { (owner, mode) = (info.st_uid, info.st_mode & 0o7777) }

    var isWritable: Bool { mode & 0o022 != 0 }
  }

  private final class Descriptor {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { Glibc.close(number) }
  }
}
