import TestSupport
import Testing

/// The messages of the program when it fails, from a user's point of view.
@Suite("Error messages of the program", .enabled(if: BuiltProgram.kdops != nil, "the program is not built"))
struct LastWordsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The output and the exit code of a command, run by a shell: `"$1"` stands for the program.
  private func said(_ command: String, in place: String? = nil) throws -> String {
    try TemporaryRepository.run(
      ["bash", "-c", "\(command) 2>&1; echo \"exit $?\"", "bash"]
        + [BuiltProgram.kdops ?? ""], in: place ?? folder.path)
  }

  @Test("a folder that cannot be created is named, with the system's message")
  func folders() throws {
    let repository = try TemporaryRepository()
    try repository.commit([:])
    let run = "\"$1\" run --once --repo \(repository.path) --embedded="
    let missing = try said("\(run)/proc/x")
    #expect(missing.contains("kdops run: /proc/x cannot be used: No such file or directory;"), "\(missing)")
    #expect(try said("\(run)/dev/null/x").contains("/dev/null/x cannot be used: Not a directory;"))
    #expect(missing.hasSuffix("exit 2"), "\(missing)")
  }

  @Test("outside a repository, the whole path is printed, and the alternatives")
  func outside() throws {
    #expect(
      try said("\"$1\" plan --base main").contains("plan: \(folder.path) is not a git repository; check"))
    let status = try said("env -u KDOPS_EMBEDDED -u KDOPS_KUBECONFIG \"$1\" status")
    #expect(status.contains("no cluster is selected, and this folder is not a git repository; select one:"))
    #expect(status.hasSuffix("exit 2"))
  }

  @Test("an empty folder or repository is reported as such")
  func nothing() throws {
    #expect(try said("\"$1\" validate").contains("is this the root of the repository?"))
    let empty = try TemporaryRepository()
    #expect(try said("\"$1\" plan --base main", in: empty.path).contains("there is no commit here yet; make"))
  }

  @Test("a result that cannot be written is a failure; a reader that closes early is not")
  func unwritten() throws {
    let repository = try TemporaryRepository()
    try repository.commit([:])
    for command in ["validate", "plan --base HEAD", "plan --repo . --base HEAD --format json"] {
      let full = try said("{ \"$1\" \(command) >/dev/full; }", in: repository.path)
      #expect(
        full
          == "kdops: the result cannot be written: No space left on device; write it to a file system with free space\nexit 2"
      )
    }
    let gone = try said("{ \"$1\" validate; echo \"code $?\" >&2; } | true", in: repository.path)
    #expect(!gone.contains("cannot be written"))
  }

  @Test("without /proc the program says that it cannot read its arguments")
  func withoutProc() throws {
    let bwrap = try said("bwrap --dev-bind / / true")
    guard bwrap == "exit 0" else { return }
    #expect(
      try said("bwrap --dev-bind / / --tmpfs /proc \"$1\" status")
        == "kdops: its arguments cannot be read: /proc is not mounted; mount it: mount -t proc proc /proc\nexit 2"
    )
  }
}
