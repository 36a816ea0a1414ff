import Diagnostics
import FoundationEssentials

/// Signs the daemon's commits with an SSH key, as `git commit -S` does if `gpg.format` is `ssh`, for forges
/// that accept only signed commits.
///
/// Only `ssh-keygen` reads the key, at each signature, so the key may be replaced while the daemon runs.
public struct CommitSigner: Sendable, Hashable {
  /// Why signing failed, in one sentence with the remediation.
  public struct Failure: Error, Hashable, CustomStringConvertible {
    public var description: String
  }

  /// The full path of a private key without a passphrase.
  public let key: String
  private let folder: String
  private static let sshKeygen = Tool(name: "ssh-keygen")

  /// - Parameter folder: for temporary files; created if it does not exist.
  public init(key: String, folder: String) {
    self.key = key
    self.folder = folder
  }

  /// Makes a test signature and discards it, to find out whether signing works.
  public func tryOut() async throws(Failure) {
    guard await Self.sshKeygen.isThere() else {
      throw Failure(
        description: "commits.sshKey: the program ssh-keygen is missing; install it "
          + "(Debian: apt-get install openssh-client)")
    }
    _ = try await signed(Array("tree 0\n\nA try\n".utf8))
  }

  /// - Parameter text: a commit as git stores it, without a signature.
  /// - Returns: the commit with the signature among its headers.
  public func signed(_ text: [UInt8]) async throws(Failure) -> [UInt8] {
    let signature: [UInt8]
    do throws(Tool.Failure) {
      signature = try await Tool.inFolder(below: folder, ["commit": text]) { (folder) throws(Tool.Failure) in
        let file = "\(folder)/commit"
        let answer = try await Self.sshKeygen.run(["-q", "-Y", "sign", "-n", "git", "-f", key, file])
        guard answer.succeeded, let made = FileManager.default.contents(atPath: "\(file).sig") else {
          throw Tool.Failure(words: "no signature could be made with \(key)")
        }
        return Array(made)
      }
    } catch {
      throw Failure(
        description:
          "commits.sshKey: \(Redaction.url(error.words)); it has to be a private SSH key without a passphrase, "
          + "which the daemon's user alone may read")
    }
    guard let commit = Self.insert(signature, into: text) else {
      throw Failure(description: "the commit has no headers to put a signature into")
    }
    return commit
  }

  /// Inserts `gpgsig` as the last header, for every signature format. Each further line of it begins with a
  /// space (git, `signature-format`).
  private static func insert(_ signature: [UInt8], into text: [UInt8]) -> [UInt8]? {
    let newline = UInt8(ascii: "\n")
    guard let end = text.indices.dropLast().first(where: { text[$0] == newline && text[$0 + 1] == newline })
    else { return nil }
    let lines = signature.split(separator: newline)
    let header = Array("gpgsig ".utf8) + lines.joined(separator: [newline, UInt8(ascii: " ")]) + [newline]
    return text[...end] + header + text[(end + 1)...]
  }
}
