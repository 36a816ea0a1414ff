import KubeDirector

extension Stamp {
  /// A stamp with a fixed, publicly known key.
  public static let forTests = numbered(7)

  /// A stamp with a key that is derived from this number.
  public static func numbered(_ number: UInt8) -> Stamp {
    guard let stamp = Stamp(key: Array(repeating: number, count: keyLength)) else {
      preconditionFailure("a key of \(keyLength) bytes is long enough")
    }
    return stamp
  }
}
