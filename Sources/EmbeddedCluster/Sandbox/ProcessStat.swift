/// The format of `/proc/<pid>/stat`, see proc(5).
enum ProcessStat {
  /// The fields after the name of the program: the state is the first.
  ///
  /// The process chooses the name, which the kernel does not escape. The line is split by bytes, because with
  /// a name that ends in some Unicode scalars the parenthesis after it is not a `Character` of its own.
  static func fields(_ line: String) -> [Substring] {
    guard let end = line.utf8.lastIndex(of: UInt8(ascii: ")")) else { return [] }
    return line.utf8[end...].dropFirst().split(separator: UInt8(ascii: " ")).map { Substring($0) }
  }
}
