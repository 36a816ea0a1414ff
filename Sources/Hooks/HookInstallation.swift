import Diagnostics
import GitStore
import Validation

/// Installs or uninstalls hooks in a repository and reports each step as a line.
public struct HookInstallation {
  let git: GitCommand
  /// Nil means the default remote of the repository.
  let remote: String?
  let branch: String?
  let installation: String?

  /// - Parameters:
  ///   - folder: The repository.
  ///   - remote: The remote that has the status; nil for the default remote.
  ///   - branch: The branch that the daemon follows; nil leaves the setting unchanged.
  ///   - installation: The installation whose status is used; nil leaves the setting unchanged.
  public init(
    folder: String, remote: String? = nil, branch: String? = nil, installation: String? = nil
  ) {
    git = GitCommand(folder: folder)
    (self.remote, self.branch, self.installation) = (remote, branch, installation)
  }

  /// The result of an installation, as text for people.
  public struct Result {
    /// One line per action.
    public internal(set) var lines: [String] = []
    /// Whether a hook was left unchanged because the user has to decide.
    public internal(set) var leftAny = false
  }

  // MARK: Installing

  /// Installs hooks, and sets the git configuration that they need.
  ///
  /// - Parameter names: The hooks; if empty, the usual ones.
  /// - Throws: `GitError` if it fails.
  public func install(_ names: [HookName]) async throws -> Result {
    let (folder, isBare) = try await place(names)
    var result = Result()
    for name in names.isEmpty ? HookName.usual(inBare: isBare) : names {
      let file = HookFile(name: name, folder: folder.path)
      let step = HookFile.installing(name, file.state, hasBefore: file.hasBefore)
      try file.carryOut(step)
      result.add(file, Self.words(step, file))
    }
    if let note = folder.note { result.lines.append(note) }
    result.lines += try await configure(isBare: isBare)
    let place = git.folder == "." ? "" : " --repo=\(ShellWord.value(git.folder))"
    result.lines.append("undo: kdops hook install --uninstall\(place)")
    return result
  }

  private static func words(_ step: HookFile.Step, _ file: HookFile) -> HookFile.Step.Words {
    switch step {
    case .write: .done("installed as \(file.path)")
    case .chain: .done("installed as \(file.path); the previous hook runs first, as \(file.before)")
    case .keep: .done("is already installed: \(file.path)")
    case .leave(let why): .left("left unchanged, \(file.path): \(why)")
    case .remove: .done("removed: \(file.path)")
    case .restore: .done("removed, and the previous hook is restored: \(file.path)")
    }
  }

  private func configure(isBare: Bool) async throws -> [String] {
    var lines: [String] = []
    for (key, value) in [(RepositorySetting.branch, branch), (RepositorySetting.installation, installation)] {
      guard let value else { continue }
      try await git.run("config", "--local", key, value)
      lines.append("git config \(key) is \(value)")
    }
    // Statuses are written to a server's repository, so it does not fetch them.
    if isBare { return lines }
    guard let settings = try await fetchSettings() else {
      return lines + [
        "there is no remote yet: run this again after `git remote add`, so that fetches include the status of running clusters"
      ]
    }
    if settings.remote != "origin" {
      try await git.run("config", "--local", RepositorySetting.remote, settings.remote)
    }
    for line in settings.lines where try await !values(line.key).contains(line.value) {
      try await git.run("config", "--local", "--add", line.key, line.value)
    }
    let name = TerminalText.visible(settings.remote)
    return lines + [
      "`git fetch \(name)` now also fetches the status of running clusters, and the notes that `git log` shows"
    ]
  }

  // MARK: Uninstalling

  /// Removes hooks and the configuration that they need, and restores the previous hooks.
  ///
  /// - Parameter names: The hooks; if empty, all of them.
  /// - Throws: `GitError` if it fails.
  public func uninstall(_ names: [HookName]) async throws -> Result {
    let (folder, isBare) = try await place(names)
    var result = Result()
    for name in names.isEmpty ? HookName.allCases : names {
      let file = HookFile(name: name, folder: folder.path)
      let step = HookFile.uninstalling(name, file.state, hasBefore: file.hasBefore)
      try file.carryOut(step)
      if step != .keep { result.add(file, Self.words(step, file)) }
    }
    let remains = HookName.allCases.contains {
      if case .ours = HookFile(name: $0, folder: folder.path).state { true } else { false }
    }
    // Remaining hooks still need the fetched status.
    if !remains { result.lines += try await forget(isBare: isBare) }
    if result.lines.isEmpty { result.lines = ["no hook of kdops is installed here"] }
    return result
  }

  private func forget(isBare: Bool) async throws -> [String] {
    var isChanged = false
    if !isBare, let settings = try await fetchSettings() {
      for line in settings.lines where try await values(line.key).contains(line.value) {
        try await git.run("config", "--local", "--fixed-value", "--unset-all", line.key, line.value)
        isChanged = true
      }
      // Deletes the fetched statuses, because they are not updated any more and would be mistaken for the current
      // status.
      let refs = try await git.run("for-each-ref", "--format=%(refname)", "refs/kdops/remote", "refs/notes")
      for ref in refs.split(separator: "\n").map(String.init)
      where settings.fetched.contains(where: { ref.hasPrefix($0.dropLast()) }) {
        try await git.run("update-ref", "-d", ref)
        isChanged = true
      }
    }
    for key in [RepositorySetting.branch, RepositorySetting.installation, RepositorySetting.remote]
    where try await !values(key).isEmpty {
      try await git.run("config", "--local", "--unset-all", key)
      isChanged = true
    }
    return isChanged ? ["the settings in git's configuration were removed, and the fetched refs"] : []
  }

  // MARK: The hooks folder

  private struct Folder {
    var path: String
    /// A note for the user about the folder.
    var note: String?
  }

  /// The folder in which git looks for hooks: the common folder of all work trees of a repository, or the one
  /// in `core.hooksPath`.
  private func place(_ names: [HookName]) async throws -> (folder: Folder, isBare: Bool) {
    guard let bare = try await git.answer("rev-parse", "--is-bare-repository") else {
      throw GitError(
        .gone, "\(git.folder) is not a git repository that you may use",
        hint: "check the path, and the output of `git status` there")
    }
    let isBare = bare == "true"
    if isBare, let wrong = names.first(where: { $0 == .preCommit || $0 == .preMergeCommit }) {
      throw GitError(
        .invalid,
        "no commits are made in the bare repository \(git.folder), so \(wrong.rawValue) is never run there",
        hint: "install pre-receive there, and \(wrong.rawValue) in clones")
    }
    let path = try await git.run("rev-parse", "--path-format=absolute", "--git-path", "hooks")
    guard let setting = try await git.answer("config", "--show-scope", "--get", "core.hooksPath") else {
      return (Folder(path: path), isBare)
    }
    let scope = setting.split(separator: "\t").first.map(String.init) ?? ""
    guard scope == "local" || scope == "worktree" else {
      throw GitError(
        .invalid,
        "core.hooksPath of your \(scope) configuration names \(path), whose hooks run for all repositories",
        hint:
          "set a folder for this repository, `git config core.hooksPath \"$(git rev-parse --git-common-dir)/hooks\"`, and run "
          + "this again; or call `kdops hook run pre-commit` in a hook there")
    }
    var note: String?
    if !isBare, let top = try await git.answer("rev-parse", "--show-toplevel"), path.hasPrefix("\(top)/"),
      !path.contains("/.git/")
    {
      note = "\(path) is a folder of the work tree: commit it to share the hooks"
    }
    return (Folder(path: path, note: note), isBare)
  }

  private func values(_ key: String) async throws -> [String] {
    try await git.answer("config", "--local", "--get-all", key)?.split(separator: "\n").map(String.init) ?? []
  }

  private func fetchSettings() async throws -> FetchSettings? {
    if let remote {
      let remotes = try await git.remotes()
      guard remotes.contains(remote) else {
        throw GitError(
          .invalid, "there is no remote \(remote)", hint: "the remotes are \(remotes.joined(separator: ", "))"
        )
      }
      return FetchSettings(remote: remote)
    }
    return try await git.statusRemote().map(FetchSettings.init)
  }
}

extension HookFile.Step {
  /// The message about a step: it was done, or left for the user to decide.
  enum Words {
    case done(String)
    case left(String)
  }
}

extension HookInstallation.Result {
  fileprivate mutating func add(_ file: HookFile, _ words: HookFile.Step.Words) {
    let text: String
    switch words {
    case .done(let said): text = said
    case .left(let said):
      text = said
      leftAny = true
    }
    lines.append("\(file.name.rawValue) \(TerminalText.visible(text))")
  }
}
