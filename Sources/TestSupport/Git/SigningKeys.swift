import Foundation

/// An SSH key with which `git` signs commits, and its line for an allowed-signers file.
public final class SSHSigner: Sendable {
  private let folder: TemporaryFolder
  public let keyFile: String
  /// The key type and the key, without a comment.
  public let publicKey: String

  public init(_ name: String = "ann") throws {
    folder = try TemporaryFolder()
    keyFile = "\(folder.path)/\(name)"
    try TemporaryRepository.run(
      ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", keyFile], in: nil)
    let line = try String(contentsOfFile: "\(keyFile).pub", encoding: .utf8)
    publicKey = line.split(separator: " ").prefix(2).joined(separator: " ")
  }

  /// A line of an allowed-signers file.
  public func line(_ principals: String, _ options: String = "") -> String {
    "\(principals) \(options.isEmpty ? "" : "\(options) ")\(publicKey)\n"
  }

  /// Configures a repository so that `git` signs every commit.
  public func sign(in repository: TemporaryRepository) throws {
    for (key, value) in [
      ("gpg.format", "ssh"), ("user.signingkey", keyFile), ("commit.gpgsign", "true"),
    ] { try repository.git("config", key, value) }
  }

  /// Signs arbitrary bytes in any namespace.
  ///
  /// - Parameter certificate: The key's certificate, if the signature should include it.
  public func signature(
    over text: [UInt8], by certificate: String? = nil, namespace: String = "git"
  ) throws -> [UInt8] {
    let file = "\(folder.path)/\(UUID().uuidString)"
    try Data(text).write(to: URL(fileURLWithPath: file))
    try TemporaryRepository.run(
      ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", certificate ?? keyFile, file], in: nil)
    return Array(try Data(contentsOf: URL(fileURLWithPath: "\(file).sig")))
  }
}

/// A separate OpenPGP home with real `gpg`.
public final class PGPSigner: Sendable {
  private let folder: TemporaryFolder
  /// The path is short, because it is part of the path of the agent's socket.
  public let home: String

  public init() throws {
    folder = try TemporaryFolder()
    home = folder.path
  }

  deinit { _ = try? TemporaryRepository.run(["gpgconf", "--homedir", home, "--kill", "all"], in: nil) }

  @discardableResult
  public func gpg(_ arguments: String...) throws -> String {
    try TemporaryRepository.run(["gpg", "--homedir", home, "--batch", "--quiet"] + arguments, in: nil)
  }

  /// Creates a key.
  ///
  /// - Parameters:
  ///   - time: The creation time, such as `20200101T000000`; nil for now.
  ///   - expiry: In the format of `gpg`: `1y`, `never`.
  public func make(_ name: String, at time: String? = nil, expiry: String = "never") throws {
    let words = ["--passphrase", "", "--quick-gen-key", "\(name) <\(name)@example.org>", "ed25519", "sign"]
    let past = time.map { ["--faked-system-time", $0] } ?? []
    try TemporaryRepository.run(
      ["gpg", "--homedir", home, "--batch", "--quiet"] + past + words + [expiry], in: nil)
  }

  /// Exports public keys to a file.
  public func export(_ names: [String], armored: Bool = true, to file: String) throws {
    let mails = names.map { "\($0)@example.org" }
    try TemporaryRepository.run(
      ["gpg", "--homedir", home, "--batch", "--yes", "--output", file] + (armored ? ["--armor"] : [])
        + ["--export"] + mails, in: nil)
  }

  /// Creates a detached signature.
  ///
  /// - Parameter time: The signing time, such as `20200101T000000`; nil for now.
  public func signature(over text: [UInt8], by name: String, at time: String? = nil) throws -> [UInt8] {
    let file = "\(folder.path)/\(UUID().uuidString)"
    try Data(text).write(to: URL(fileURLWithPath: file))
    let past = time.map { ["--faked-system-time", $0] } ?? []
    try TemporaryRepository.run(
      ["gpg", "--homedir", home, "--batch", "--quiet"] + past
        + [
          "--armor", "--detach-sign", "--local-user", "\(name)@example.org", "--output", "\(file).asc", file,
        ],
      in: nil)
    return Array(try Data(contentsOf: URL(fileURLWithPath: "\(file).asc")))
  }
}
