import KubeDirector

extension Stamp {
  /// Under a key that everybody knows.
  public static let forTests = numbered(7)

  /// Under a key that belongs to this number.
  public static func numbered(_ number: UInt8) -> Stamp {
    guard let stamp = Stamp(key: Array(repeating: number, count: keyLength)) else {
      preconditionFailure("a key of \(keyLength) bytes is long enough")
    }
    return stamp
  }
}
