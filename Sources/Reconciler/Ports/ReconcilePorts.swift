/// The ports through which a reconciler reports and remembers: its subscribers, and what earlier daemons stored.
struct ReconcilePorts: Sendable {
  /// What earlier daemons stored, and where this one stores it.
  let records: any ReconcileRecords
  private let observers: [any ReconcileObserver]

  /// - Parameter observers: the subscribers, in the order in which they receive each event.
  init(records: any ReconcileRecords, observers: [any ReconcileObserver]) {
    (self.records, self.observers) = (records, observers)
  }

  /// Sends an event to every subscriber, in their order.
  func send(_ event: ReconcileEvent) async {
    for observer in observers { await observer.handle(event) }
  }
}
