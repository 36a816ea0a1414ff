import Testing
import Values

@Suite("Weighted caches")
struct WeightedCacheTests {
  @Test("entries are kept up to the limit, and dropped before it is exceeded")
  func limit() {
    var cache = WeightedCache<String, Int>(limit: 10)
    cache.insert(1, weight: 4, for: "a")
    cache.insert(2, weight: 6, for: "b")
    #expect(cache["a"] == 1 && cache["b"] == 2)
    cache.insert(3, weight: 1, for: "c")
    #expect(cache["a"] == nil && cache["b"] == nil && cache["c"] == 3)
  }

  @Test("an entry that alone exceeds the limit is kept until the next insertion")
  func heavy() {
    var cache = WeightedCache<String, Int>(limit: 10)
    cache.insert(1, weight: 100, for: "a")
    #expect(cache["a"] == 1)
    cache.insert(2, weight: 1, for: "b")
    #expect(cache["a"] == nil && cache["b"] == 2)
  }
}
