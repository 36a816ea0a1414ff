import ClusterAPI
import EmbeddedCluster

/// A run of a startscript in a pod, with the part of its output that was read.
struct ScriptRecord: Hashable {
  /// The name of the run's folder in the pod.
  var key: String
  /// Nil while the script runs.
  var exitCode: Int?
  var stdout: [UInt8]
  var stderr: [UInt8]

  /// The end of the part that was read before, so that only the rest is read.
  struct Position: Hashable {
    var key = ""
    var stdout = 0
    var stderr = 0
  }

  /// The event of the script: the first part of the key.
  var event: String { key.split(separator: ".").first.map(String.init) ?? key }

  /// The folder in the pod that has a folder for each of the last runs.
  private static let folder = ["opt", "guestconfig", ".kdops"]
  /// The most bytes of each stream that are read at once; a record has at most 1.3 MiB.
  private static let limit = 2 << 20

  /// Reads a run.
  ///
  /// - Parameters:
  ///   - back: 0 for the last run, 1 for the one before.
  ///   - position: skips what was read before if it is the same run.
  /// - Returns: nil if there is no such run.
  static func read(
    _ source: ClusterSource, pod: Object, back: Int, after position: Position = Position()
  ) async throws(APIError) -> ScriptRecord? {
    switch source {
    case .embedded(let reader, _): return try readFiles(reader, pod, back, position)
    case .kubernetes(let client): return try await execute(client, pod, back, position)
    case .git: return nil
    }
  }

  private static func readFiles(
    _ reader: EmbeddedReader, _ pod: Object, _ back: Int, _ position: Position
  ) throws(APIError) -> ScriptRecord? {
    let runs = try reader.names(in: folder, of: pod)
    guard runs.indices.contains(back) else { return nil }
    let key = runs[back]
    let start = key == position.key ? position : Position()
    func file(_ name: String, from offset: Int) throws(APIError) -> [UInt8] {
      try reader.file(folder + [key, name], of: pod, from: offset, limit: limit)?.bytes ?? []
    }
    // The status comes last, so it is read first: then the output is complete.
    let status = try file("status", from: 0)
    return ScriptRecord(
      key: key, exitCode: exitCode(status), stdout: try file("stdout", from: start.stdout),
      stderr: try file("stderr", from: start.stderr))
  }

  /// Arguments: the number of the run from 1, the key of the run that was read before, the first byte of its standard
  /// output and of its standard error that is wanted, from 1. The first line is the key, the second one the exit code.
  private static let script = """
    cd /opt/guestconfig/.kdops 2> /dev/null || exit 3
    run=$(ls -1t | sed -n "$1p")
    [ -n "$run" ] || exit 3
    [ "$run" = "$2" ] || set -- "$1" "$2" 1 1
    printf '%s\\n' "$run"
    cat "$run/status" 2> /dev/null || echo
    tail -c "+$3" "$run/stdout" 2> /dev/null
    tail -c "+$4" "$run/stderr" 2> /dev/null >&2
    exit 0
    """

  private static func execute(
    _ client: any ClusterAPI, _ pod: Object, _ back: Int, _ position: Position
  ) async throws(APIError) -> ScriptRecord? {
    let arguments = ["\(back + 1)", position.key, "\(position.stdout + 1)", "\(position.stderr + 1)"]
    let result = try await client.exec(
      pod.objectName,
      ExecRequest(
        command: ["/bin/sh", "-c", script, "logs"] + arguments, outputLimit: limit, timeout: .seconds(60)))
    if result.exitCode == 3 { return nil }
    guard result.exitCode == 0 else {
      throw APIError(
        .unavailable,
        "pod \(pod.objectName): the output cannot be read: \(String(decoding: result.stderr, as: UTF8.self))")
    }
    let newline = UInt8(ascii: "\n")
    let lines = result.stdout.split(separator: newline, maxSplits: 2, omittingEmptySubsequences: false)
    guard lines.count == 3 else { return nil }
    return ScriptRecord(
      key: String(decoding: lines[0], as: UTF8.self), exitCode: exitCode(Array(lines[1])),
      stdout: Array(lines[2]), stderr: result.stderr)
  }

  private static func exitCode(_ bytes: [UInt8]) -> Int? {
    Int(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }
}
