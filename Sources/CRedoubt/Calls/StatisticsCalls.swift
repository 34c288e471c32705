public import CRedoubtHeader
import Redoubt
import RedoubtCore

private let statisticNames = LastingText.make(CounterName.allCases.map(\.rawValue))

/// The name of a statistic.
@c
@implementation
public func redoubt_statistic_name(_ index: Int) -> UnsafePointer<CChar>? {
    unsafe LastingText.pointer(statisticNames, index)
}

/// Stores all statistics.
@c
@implementation
public func redoubt_statistics(
    _ database: OpaquePointer?,
    _ values: UnsafeMutablePointer<UInt64>?,
    _ capacity: Int,
    _ count: UnsafeMutablePointer<Int>?
) -> redoubt_status {
    unsafe withDatabase(database) { (content, _) throws(RedoubtError) in
        if unsafe capacity < 0 || (capacity > 0 && values == nil) {
            throw Arguments.invalid("`values` is NULL, or `capacity` is more than memory")
        }
        let statistics = try content.database.statistics()
        if let values = unsafe values {
            for (index, name) in CounterName.allCases.prefix(capacity).enumerated() {
                unsafe values[index] = statistics[name]
            }
        }
        if let place = unsafe count { unsafe place.pointee = CounterName.allCases.count }
        return Status.ok
    }
}

/// Stores one statistic.
@c
@implementation
public func redoubt_statistic(
    _ database: OpaquePointer?,
    _ name: UnsafePointer<CChar>?,
    _ value: UnsafeMutablePointer<UInt64>?
) -> redoubt_status {
    unsafe withDatabase(database) { (content, _) throws(RedoubtError) in
        let place = unsafe try Arguments.place(value, "`value`")
        let text = unsafe try Arguments.text(name, "the name")
        guard let name = CounterName(rawValue: text) else {
            throw Arguments.invalid("there is no statistic \"\(text)\"; redoubt_statistic_name() lists them")
        }
        unsafe place.pointee = try content.database.statistics()[name]
        return Status.ok
    }
}

/// Stores a report for people.
@c
@implementation
public func redoubt_status_report(
    _ database: OpaquePointer?,
    _ text: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> redoubt_status {
    unsafe withDatabase(database) { (content, _) throws(RedoubtError) in
        let place = unsafe try Arguments.place(text, "`text`")
        unsafe try Arguments.answer(content.database.statusReport(), in: place)
        return Status.ok
    }
}

/// Stores the statistics in the text format that Prometheus scrapes.
@c
@implementation
public func redoubt_metrics(
    _ database: OpaquePointer?,
    _ text: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> redoubt_status {
    unsafe withDatabase(database) { (content, _) throws(RedoubtError) in
        let place = unsafe try Arguments.place(text, "`text`")
        unsafe try Arguments.answer(content.database.metrics(), in: place)
        return Status.ok
    }
}
