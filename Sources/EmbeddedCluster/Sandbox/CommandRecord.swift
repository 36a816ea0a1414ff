import FoundationEssentials

/// When a command must have ended.
struct CommandDeadline: Sendable, Hashable {
  /// The time since 1970, by the cluster's clock.
  var time: Duration
  /// The command's whole time limit, for messages.
  var limit: Duration
}

/// The record of a command in its folder, with which a later daemon can watch the command.
struct CommandRecord: Sendable, Hashable {
  /// The folders and volumes of the command's pod, whose files count towards the disk limit.
  var measured: [String] = []
  /// The path of the command's cgroup; nil if it has none.
  var cgroup: String?
  /// Nil if the command has no time limit.
  var deadline: CommandDeadline?
  /// See `ExecRequest.key`.
  var key: String?

  private static let measuredFile = "measured"
  private static let cgroupFile = "cgroup"
  private static let deadlineFile = "deadline"
  private static let keyFile = "key"

  /// - Parameter place: the command's folder.
  func write(to place: String) throws {
    func put(_ text: String, _ file: String) throws {
      try FileText.write(Array(text.utf8), to: "\(place)/\(file)")
    }
    try put(measured.joined(separator: "\0"), Self.measuredFile)
    if let cgroup { try put(cgroup, Self.cgroupFile) }
    if let deadline {
      try put("\(deadline.time.wholeMilliseconds) \(deadline.limit.wholeMilliseconds)", Self.deadlineFile)
    }
    if let key { try put(key, Self.keyFile) }
  }

  /// Reads a record. Nil if there is none, as in the folder of a command that is just starting.
  init?(in place: String) {
    func text(_ file: String) -> String? {
      FileText.bytes("\(place)/\(file)", limit: 1 << 20).map { String(decoding: $0, as: UTF8.self) }
    }
    guard let folders = FileText.bytes("\(place)/\(Self.measuredFile)", limit: 1 << 20) else { return nil }
    measured = folders.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    cgroup = text(Self.cgroupFile)
    key = text(Self.keyFile)
    let numbers = (text(Self.deadlineFile) ?? "").split(separator: " ").compactMap { Int64($0) }
    if numbers.count == 2 {
      deadline = CommandDeadline(time: .milliseconds(numbers[0]), limit: .milliseconds(numbers[1]))
    }
  }

  init(
    measured: [String] = [], cgroup: String? = nil, deadline: CommandDeadline? = nil, key: String? = nil
  ) {
    self.measured = measured
    self.cgroup = cgroup
    self.deadline = deadline
    self.key = key
  }
}

extension Duration {
  /// Whole milliseconds, rounded down.
  fileprivate var wholeMilliseconds: Int64 {
    // Bounded to some 30,000 years, which as a limit is as good as none.
    min(max(components.seconds, 0), 1 << 40) * 1_000 + components.attoseconds / 1_000_000_000_000_000
  }
}
