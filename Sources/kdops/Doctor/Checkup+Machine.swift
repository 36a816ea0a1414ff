import KubeDirector
import Values

// The machine: clock, disk and versions.
extension Checkup {
  /// kdops did not exist earlier, so an earlier time is wrong.
  private static let earliest = 1_767_225_600  // 2026-01-01T00:00:00Z
  /// The difference of two clocks, in seconds, up to which nothing depends on it.
  private static let tolerance = 5

  static func clock(_ clock: CheckupFacts.Clock) -> Check {
    let setting = "synchronize it: timedatectl set-ntp true, with systemd-timesyncd or chrony installed"
    let time = Timestamp.text(clock.now)
    if clock.now < earliest {
      return Check(
        subject: .clock, result: .failed,
        message: "it is \(time) here, which is wrong: certificates and signatures would be refused",
        fix: setting)
    }
    if let renewed = clock.leaseRenewed, renewed - clock.now > tolerance {
      return Check(
        subject: .clock, result: .failed,
        message:
          "it is \(time) here, \(SecondsText.exact(renewed - clock.now)) behind the clock of the daemon",
        fix: setting)
    }
    switch clock.isSynchronized {
    case true?: return Check(subject: .clock, result: .ok, message: "it is \(time), synchronized")
    case false?:
      return Check(
        subject: .clock, result: .warning, message: "it is \(time), and no time server sets this clock",
        fix: setting)
    case nil:
      return Check(
        subject: .clock, result: .ok, message: "it is \(time); the system does not say if it is synchronized")
    }
  }

  /// The space that the daemon needs for its copy of the repository and for statuses, in bytes.
  private static let leastDisk = 256 << 20
  private static let enoughDisk = 2 << 30
  private static let leastFiles = 10_000

  static func disk(_ facts: CheckupFacts) -> Check {
    func check(_ result: Check.Result, _ message: String, _ fix: String? = nil) -> Check {
      Check(subject: .disk, result: result, message: message, fix: fix)
    }
    guard let disk = facts.disk else {
      return check(.skipped, "the file system of the daemon's folder cannot be read")
    }
    let isEmbedded = if case .embedded = facts.target { true } else { false }
    let option = isEmbedded ? "--embedded=DIR" : "--data DIR"
    guard disk.isWritable else {
      return check(
        .failed, "\(disk.folder) cannot be written by this user",
        "give the folder to the user of the daemon, or name another one with \(option)")
    }
    let free = "\(disk.folder) has \(size(disk.freeBytes)) left"
    let fix = "free space, or name a folder on another file system with \(option)"
    if disk.freeBytes < leastDisk {
      return check(.failed, "\(free); the daemon needs \(size(leastDisk))", fix)
    }
    if let files = disk.freeFiles, files < leastFiles {
      return check(.failed, "\(disk.folder) can take only \(files) more files", fix)
    }
    if isEmbedded, disk.freeBytes < facts.scriptDisk {
      return check(
        .warning, "\(free), less than the \(size(facts.scriptDisk)) that one script may write",
        "\(fix); or lower scripts.disk")
    }
    if disk.freeBytes < enoughDisk { return check(.warning, free, fix) }
    return check(.ok, free)
  }

  /// A number of bytes with one unit, rounded down: `1.5 GiB`.
  static func size(_ bytes: Int) -> String {
    if bytes >= 10 << 30 { return "\(bytes >> 30) GiB" }
    if bytes >= 1 << 30 {
      let tenths = (bytes % (1 << 30)) * 10 / (1 << 30)
      return "\(bytes >> 30).\(tenths) GiB"
    }
    return "\(max(0, bytes) >> 20) MiB"
  }

  static func build(_ versions: CheckupFacts.Versions) -> Check {
    let commit = versions.commit.isEmpty ? "of an unknown commit" : "commit \(versions.commit)"
    let words = "kdops \(versions.kdops), \(commit), Swift \(versions.swift)"
    guard versions.isDebug else { return Check(subject: .build, result: .ok, message: words) }
    return Check(
      subject: .build, result: .warning, message: "\(words), a debug build, which is several times slower",
      fix: "make install, which builds for release")
  }

  /// From docs/install.md.
  private static let supportedLibgit2 = (least: (1, 5), most: (1, 9))

  static func libgit2(_ versions: CheckupFacts.Versions) -> Check {
    guard let number = parsed(versions.libgit2), number >= supportedLibgit2.least,
      number <= supportedLibgit2.most
    else {
      return Check(
        subject: .libgit2, result: .warning,
        message: "libgit2 \(versions.libgit2); kdops was tried with 1.5 to 1.9",
        fix: "use the package for this release of the system: docs/install.md")
    }
    return Check(subject: .libgit2, result: .ok, message: "libgit2 \(versions.libgit2)")
  }

  static func gitProgram(_ versions: CheckupFacts.Versions) -> Check {
    guard let version = versions.git else {
      return Check(
        subject: .gitProgram, result: .warning,
        message: "the program git cannot be run; hooks and the demo need it, the daemon does not",
        fix: "apt-get install git")
    }
    return Check(subject: .gitProgram, result: .ok, message: "git \(version)")
  }

  /// The kernel of Debian 12, the oldest system that kdops was tried on.
  private static let leastKernel = (6, 1)

  static func kernel(_ versions: CheckupFacts.Versions) -> Check {
    if let number = parsed(versions.kernel), number < leastKernel {
      return Check(
        subject: .kernel, result: .warning,
        message: "Linux \(versions.kernel); kdops was tried with 6.1 and later",
        fix: "use Debian 12, Ubuntu 24.04, or a later release")
    }
    return Check(subject: .kernel, result: .ok, message: "Linux \(versions.kernel)")
  }

  /// The first two numbers of a version.
  private static func parsed(_ version: String) -> (Int, Int)? {
    let parts = version.split(separator: ".", maxSplits: 2)
    guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1].prefix { $0.isNumber }) else {
      return nil
    }
    return (major, minor)
  }
}
