import Values

/// Converts errors of the JSON parser to file issues.
enum JSONProblem {
  static func issue(of error: JSONSyntaxError, in bytes: UnsafeRawBufferPointer) -> FileIssue {
    let start = error.offset
    switch error.kind {
    case .syntax:
      return FileIssue(
        rule: FileRule.syntax, place: .bytes(start..<start + 1),
        message: "the file is not valid JSON: \(error.message)", hint: hint(at: start, in: bytes))
    case .duplicateKey:
      return FileIssue(
        rule: FileRule.duplicateKey, place: .bytes(start..<endOfString(from: start, in: bytes)),
        message: error.message, hint: "keep one of the two")
    case .limit:
      return FileIssue(
        rule: FileRule.limit, place: .bytes(start..<start + 1), message: error.message, hint: nil)
    case .encoding:
      return FileIssue(
        rule: FileRule.encoding, place: .bytes(start..<start + 1), message: error.message, hint: nil)
    }
  }

  private static func hint(at offset: Int, in bytes: UnsafeRawBufferPointer) -> String? {
    guard offset < bytes.count else { return "close the open bracket or quote" }
    switch bytes[offset] {
    case UInt8(ascii: "'"): return "JSON's strings take double quotes"
    case UInt8(ascii: "/"), UInt8(ascii: "#"): return "JSON has no comments; name the file .yaml to have them"
    case UInt8(ascii: "}"), UInt8(ascii: "]"):
      let before = bytes[..<offset].last { $0 > 0x20 }
      return before == UInt8(ascii: ",") ? "remove the comma before it" : nil
    case UInt8(ascii: "\""): return "a comma may be missing before it"
    default: return nil
    }
  }

  private static func endOfString(from start: Int, in bytes: UnsafeRawBufferPointer) -> Int {
    var index = start + 1
    while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
      index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    return min(index + 1, bytes.count)
  }
}
