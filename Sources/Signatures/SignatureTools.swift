import Diagnostics
import FoundationEssentials
import GitStore
import Values

/// Checks signatures with the programs `gpgv` and `ssh-keygen`.
///
/// The programs get only the administrator's key files: no user's keyring, trust database or configuration,
/// and nothing from any repository. A key's validity is checked against today's date, because the author can
/// choose the date in a commit.
public struct SignatureTools: SignatureChecker {
  private let policy: SignaturePolicy
  private let folder: String
  private static let gpgv = Tool(name: "gpgv")
  private static let sshKeygen = Tool(name: "ssh-keygen")

  /// - Parameter folder: for temporary files; created if it does not exist.
  public init(_ policy: SignaturePolicy, folder: String) {
    self.policy = policy
    self.folder = folder
  }

  /// The problems that prevent signature checks, one sentence each; empty if there are none.
  public func problems() async -> [String] {
    guard policy.mode != .none else { return [] }
    var problems: [String] = []
    for (key, file, tool, package) in [
      ("allowedSigners", policy.allowedSigners, Self.sshKeygen, "openssh-client"),
      ("keyring", policy.keyring, Self.gpgv, "gpgv"),
    ] {
      guard let file else { continue }
      if FileManager.default.contents(atPath: file) == nil {
        problems.append("verify.\(key): \(file) cannot be read; check the path and who may read it")
      }
      if await !tool.isThere() {
        problems.append(
          "verify.\(key): the program \(tool.name) is missing; install it (Debian: apt-get install \(package))"
        )
      }
    }
    return problems
  }

  public func check(_ signature: CommitSignature?) async -> SignatureVerdict {
    guard let signature else { return .refused("is not signed") }
    // With several signatures it is undefined which one counts: `ssh-keygen` checks only the first SSH
    // signature.
    guard signature.headers == 1, signature.armours == 1 else {
      return .refused("has more than one signature")
    }
    do throws(Tool.Failure) {
      switch signature.format {
      case .openPGP: return try await checkOpenPGP(signature)
      case .ssh: return try await checkSSH(signature)
      case .other:
        return .refused("has a signature of a kind that is not supported; use OpenPGP or SSH")
      }
    } catch {
      return .unknown("cannot be judged: \(Redaction.url(error.words))")
    }
  }

  // MARK: OpenPGP

  private func checkOpenPGP(_ signature: CommitSignature) async throws(Tool.Failure) -> SignatureVerdict {
    guard let keyring = policy.keyring else {
      return .refused("is signed with an OpenPGP key, and verify.keyring names no such keys")
    }
    guard let file = FileManager.default.contents(atPath: keyring).map(Array.init),
      let keys = Armor.keys(file)
    else {
      throw Tool.Failure(words: "\(keyring) cannot be read, or is no file of OpenPGP keys")
    }
    let files = ["signature": signature.text, "commit": signature.payload, "keyring.gpg": keys]
    return try await Tool.inFolder(below: folder, files) {
      (folder) throws(Tool.Failure) in
      let answer = try await Self.gpgv.run([
        "--homedir", folder, "--keyring", "\(folder)/keyring.gpg", "--status-fd", "1", "--",
        "\(folder)/signature", "\(folder)/commit",
      ])
      return OpenPGPStatus.verdict(answer.output)
    }
  }

  // MARK: SSH

  /// How many principals of one key are tried.
  private static let principalLimit = 8

  private func checkSSH(_ signature: CommitSignature) async throws(Tool.Failure) -> SignatureVerdict {
    guard let signers = policy.allowedSigners else {
      return .refused("is signed with an SSH key, and verify.allowedSigners names no such keys")
    }
    guard FileManager.default.isReadableFile(atPath: signers) else {
      throw Tool.Failure(words: "\(signers) cannot be read")
    }
    return try await Tool.inFolder(
      below: folder, ["signature": signature.text, "commit": signature.payload]
    ) {
      (folder) throws(Tool.Failure) in
      let file = "\(folder)/signature"
      let found = try await Self.sshKeygen.run(["-Y", "find-principals", "-f", signers, "-s", file])
      let principals = found.output.parts(separatedBy: "\n", omittingEmpty: true).map(String.init)
      guard found.succeeded, !principals.isEmpty else {
        return .refused("is signed with an SSH key that is not among the allowed signers today")
      }
      for principal in principals.prefix(Self.principalLimit) {
        let answer = try await Self.sshKeygen.run(
          ["-Y", "verify", "-f", signers, "-I", principal, "-n", "git", "-s", file],
          input: "\(folder)/commit")
        if answer.succeeded { return .good(principal) }
      }
      return .refused(
        "has an SSH signature of \(principals[0]) that does not fit: the commit was changed, or the key is not for git"
      )
    }
  }
}
