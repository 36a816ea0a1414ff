import ArgumentParser

@main
struct Kdops: AsyncParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "kdops",
    abstract: "Live upgrades of stateful applications, driven by git.",
    version: version,
    subcommands: [DemoCommand.self, RunCommand.self, ValidateCommand.self, StatusCommand.self])
}
