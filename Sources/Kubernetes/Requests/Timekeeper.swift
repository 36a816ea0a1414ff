import FoundationEssentials

/// The clock of a client, with the clock's type erased, and the wall clock.
struct Timekeeper: Sendable {
  /// The time since this value was created.
  let elapsed: @Sendable () -> Duration
  /// - Throws: `CancellationError` only.
  let sleep: @Sendable (Duration) async throws -> Void
  /// Seconds since 1970.
  let wall: @Sendable () -> Double

  init(_ clock: some Clock<Duration>, wall: @escaping @Sendable () -> Double) {
    let start = clock.now
    elapsed = { start.duration(to: clock.now) }
    sleep = { try await clock.sleep(for: $0) }
    self.wall = wall
  }
}

/// The host's wall clock, and parsers for date formats.
enum WallClock {
  static func now() -> Double { Date().timeIntervalSince1970 }

  /// Parses a time such as `2026-01-31T10:00:00Z` (RFC 3339), with or without a fraction, as seconds since
  /// 1970.
  static func seconds(timestamp text: String) -> Double? {
    let style = Date.ISO8601FormatStyle()
    if let date = try? style.parse(text) { return date.timeIntervalSince1970 }
    return (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text))?.timeIntervalSince1970
  }

  /// Parses a time such as `Sun, 06 Nov 1994 08:49:37 GMT`, the form that RFC 9110 §5.6.7 requires, as seconds
  /// since 1970.
  static func seconds(httpDate text: String) -> Double? {
    let parts = text.split(separator: " ")
    guard parts.count == 6, parts[5] == "GMT", let day = Int(parts[1]), let year = Int(parts[3]),
      let month = months.firstIndex(of: String(parts[2])), (1...31).contains(day),
      (1900...9999).contains(year)
    else { return nil }
    let time = parts[4].split(separator: ":").compactMap { Int($0) }
    guard time.count == 3, (0..<24).contains(time[0]), (0..<60).contains(time[1]), (0...60).contains(time[2])
    else { return nil }
    return Double(
      days(year: year, month: month + 1, day: day) * 86_400 + time[0] * 3600 + time[1] * 60 + time[2])
  }

  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// The number of days from 1970-01-01 to a day of the Gregorian calendar. Years are counted from March, so
  /// that the leap day is the last day of a year.
  private static func days(year: Int, month: Int, day: Int) -> Int {
    let (marchYear, marchMonth) = month > 2 ? (year, month - 3) : (year - 1, month + 9)
    let leaps = marchYear / 4 - marchYear / 100 + marchYear / 400
    return marchYear * 365 + leaps + (marchMonth * 153 + 2) / 5 + day - 1 - 719_468
  }
}
