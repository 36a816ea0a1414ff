import ClusterAPI

/// How much of a script's output was read.
public struct ScriptPosition: Sendable, Hashable {
  /// The run; empty at the beginning.
  public var run = ""
  public var stdout = 0
  public var stderr = 0

  public init() {}
}

/// A part of the output of a script.
public struct ScriptOutput: Sendable, Hashable {
  public var run: String
  public var stdout: [UInt8]
  public var stderr: [UInt8]
  /// Whether the script has ended, so that nothing follows.
  public var hasEnded: Bool

  public init(run: String, stdout: [UInt8], stderr: [UInt8], hasEnded: Bool) {
    self.run = run
    self.stdout = stdout
    self.stderr = stderr
    self.hasEnded = hasEnded
  }
}

/// `kubectl logs`: standard output and then standard error of the last script of a pod. A container of the embedded
/// cluster has no other output.
public struct ScriptLogs: Sendable {
  let read:
    @Sendable (_ pod: Object, _ isPrevious: Bool, _ position: ScriptPosition) async throws(APIError)
      -> ScriptOutput?
  let clock: any Clock<Duration>

  /// - Parameter clock: for the time between two reads while a client follows.
  public init(
    clock: any Clock<Duration> = ContinuousClock(),
    read:
      @escaping @Sendable (_ pod: Object, _ isPrevious: Bool, _ position: ScriptPosition)
      async throws(APIError) -> ScriptOutput?
  ) {
    self.read = read
    self.clock = clock
  }
}

extension APIHandler {
  func log(of name: ObjectName, _ request: APIRequest) async throws(APIFailure) -> Reply {
    let pod = try await live(.pods, name)
    if let container = request.parameter("container") {
      let names = (pod.json["spec"]?["containers"]?.array ?? []).compactMap { $0["name"]?.string }
      guard names.contains(container) else {
        throw .badRequest("container \(container) is not valid for pod \(name.name)")
      }
    }
    let isPrevious = request.isSet("previous")
    let output: ScriptOutput?
    do throws(APIError) {
      output = try await logs.read(pod, isPrevious, ScriptPosition())
    } catch {
      throw APIFailure(error, .pods, name.name)
    }
    guard let output else {
      throw .badRequest(
        isPrevious
          ? "no script ran in pod \(name.name) before the last one"
          : "no script has run in pod \(name.name) yet")
    }
    let range = LogRange(request)
    guard request.isSet("follow"), !output.hasEnded else {
      return .bytes(range.cut(output.stdout + output.stderr), type: "text/plain")
    }
    let source = logs
    return .stream(type: "text/plain") { send in
      try await send(range.cut(output.stdout + output.stderr))
      var position = ScriptPosition()
      position.advance(by: output)
      var hasEnded = false
      while !hasEnded {
        try await source.clock.sleep(for: .seconds(1))
        guard let next = try await source.read(pod, isPrevious, position) else { return }
        if !next.stdout.isEmpty || !next.stderr.isEmpty { try await send(next.stdout + next.stderr) }
        position.advance(by: next)
        hasEnded = next.hasEnded
      }
    }
  }
}

extension ScriptPosition {
  mutating func advance(by output: ScriptOutput) {
    if run != output.run { self = ScriptPosition() }
    run = output.run
    stdout += output.stdout.count
    stderr += output.stderr.count
  }
}

/// The part of a log that a request asks for.
struct LogRange: Sendable, Hashable {
  /// Nil for all lines.
  var tailLines: Int?
  /// Nil for all bytes.
  var limitBytes: Int?

  init(_ request: APIRequest) {
    tailLines = request.parameter("tailLines").flatMap { Int($0) }.map { max(0, $0) }
    limitBytes = request.parameter("limitBytes").flatMap { Int($0) }.map { max(0, $0) }
  }

  func cut(_ bytes: [UInt8]) -> [UInt8] {
    var part = bytes[...]
    if let tailLines {
      var lines = 0
      var start = part.endIndex
      while start > part.startIndex {
        let isBreak = part[start - 1] == UInt8(ascii: "\n") && start != part.endIndex
        if isBreak || start == part.endIndex { lines += 1 }
        if lines > tailLines { break }
        start -= 1
      }
      part = part[start...]
    }
    return Array(limitBytes.map { part.prefix($0) } ?? part)
  }
}
