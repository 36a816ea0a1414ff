/// A value that descriptions, interpolation, dumps and logs never show; only `reveal()` returns it.
public struct Redacted<Value> {
  private let value: Value

  public init(_ value: Value) { self.value = value }

  /// The value itself. Call this only where the value is passed to its recipient.
  public func reveal() -> Value { value }
}

extension Redacted: Sendable where Value: Sendable {}
extension Redacted: Equatable where Value: Equatable {}
extension Redacted: Hashable where Value: Hashable {}

extension Redacted: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { Redaction.mark }
  public var debugDescription: String { Redaction.mark }
  public var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
