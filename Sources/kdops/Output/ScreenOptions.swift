import ArgumentParser
import Diagnostics

/// How a command shows its output.
struct ScreenOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "auto, always or never. (default: auto, which means on a terminal unless NO_COLOR is set)",
      valueName: "when"))
  var color: Console.Colours?

  /// A console for a standard stream, by its file descriptor.
  func console(_ descriptor: Int32, _ environment: [String: String]) -> Console {
    Console(descriptor: descriptor, colours: color ?? .auto, environment: environment)
  }
}

extension Console.Colours: ExpressibleByArgument {}
