import FoundationEssentials
import TestSupport
import Testing

/// How long a fuzzer runs, and with which inputs. Each input depends only on its seed.
///
/// `KDOPS_SECONDS` sets the duration; `KDOPS_SEED` alone repeats the input of that seed, both together start
/// with it. An input that crashes the process leaves its seed in the file that is named when the run starts.
struct FuzzRun {
  /// The time limit of one input, on a busy machine and in a debug build.
  static let longest = Duration.seconds(10)
  private static let defaultSeconds = 3

  private let name: String
  private let first: UInt64
  private let isOne: Bool
  private let duration: Duration
  private let marker: String

  init(_ name: String) {
    let environment = ProcessInfo.processInfo.environment
    let seed = environment["KDOPS_SEED"].flatMap(UInt64.init)
    let seconds = environment["KDOPS_SECONDS"].flatMap(Int.init)
    self.name = name
    first = seed ?? 1
    isOne = seed != nil && seconds == nil
    duration = .seconds(max(0, seconds ?? Self.defaultSeconds))
    marker = FileManager.default.temporaryDirectory.path + "/kdops-fuzz-\(name).seed"
  }

  /// Runs inputs until the time is over. `body` returns the errors in the results of one input.
  func feed(_ body: (UInt64) throws -> [String]) {
    print("\(name): seeds from \(first) on; one that ends the process stands in \(marker)")
    let clock = ContinuousClock()
    let end = clock.now + duration
    var seed = first
    var worst = (seed: first, time: Duration.zero)
    repeat {
      try? Data("\(seed)\n".utf8).write(to: URL(filePath: marker))
      let began = clock.now
      var problems: [String]
      do { problems = try body(seed) } catch { problems = ["\(error)"] }
      let time = clock.now - began
      if time > worst.time { worst = (seed, time) }
      if time > Self.longest { problems.append("took \(time)") }
      if !problems.isEmpty {
        Issue.record(
          "\(name): \(problems.prefix(5).joined(separator: "; "))\nrepeat it with KDOPS_SEED=\(seed) swift test --filter \(name)"
        )
        return
      }
      seed += 1
    } while !isOne && clock.now < end
    try? FileManager.default.removeItem(atPath: marker)
    print(
      "\(name): \(seed - first) inputs, seeds \(first) to \(seed - 1); the longest took \(worst.time), seed \(worst.seed)"
    )
  }
}

/// The use of an output, which determines the allowed characters.
enum OutputKind {
  /// A terminal, a forge's comment or a note: no character may change the direction of text in it.
  case text
  /// A format that escapes such characters itself; control characters are forbidden here too.
  case data
}

/// Checks every output.
struct OutputCheck {
  private(set) var problems: [String] = []

  mutating func inspect(_ output: String, _ name: String, _ kind: OutputKind) {
    let offender = output.unicodeScalars.first { scalar in
      switch scalar.value {
      case 0x0A: false
      case 0..<0x20, 0x7F: true
      default: kind == .text && Self.turnsText(scalar)
      }
    }
    if let offender { problems.append("\(name) has U+\(String(offender.value, radix: 16))") }
  }

  mutating func expect(_ isTrue: Bool, _ problem: @autoclosure () -> String) {
    if !isTrue { problems.append(problem()) }
  }

  private static func turnsText(_ scalar: Unicode.Scalar) -> Bool {
    (0x80...0x9F).contains(scalar.value) || (0x202A...0x202E).contains(scalar.value)
      || (0x2066...0x2069).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029
  }
}
