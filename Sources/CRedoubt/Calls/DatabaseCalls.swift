public import CRedoubtHeader
import Redoubt
import RedoubtCore

/// Opens a database.
@c
@implementation
public func redoubt_open(
    _ path: UnsafePointer<CChar>?,
    _ options: UnsafePointer<UnsafePointer<CChar>?>?,
    _ count: Int,
    _ database: UnsafeMutablePointer<OpaquePointer?>?
) -> redoubt_status {
    unsafe open(path, options, count, database) { (path, configuration) throws(RedoubtError) in
        try Database.open(at: path, configuration: configuration)
    }
}

/// Opens a database for reading.
@c
@implementation
public func redoubt_open_read_only(
    _ path: UnsafePointer<CChar>?,
    _ options: UnsafePointer<UnsafePointer<CChar>?>?,
    _ count: Int,
    _ database: UnsafeMutablePointer<OpaquePointer?>?
) -> redoubt_status {
    unsafe open(path, options, count, database) { (path, configuration) throws(RedoubtError) in
        try Database.openReadOnly(at: path, configuration: configuration)
    }
}

private func open(
    _ path: UnsafePointer<CChar>?,
    _ options: UnsafePointer<UnsafePointer<CChar>?>?,
    _ count: Int,
    _ database: UnsafeMutablePointer<OpaquePointer?>?,
    _ body: (String, Configuration) throws(RedoubtError) -> Database
) -> redoubt_status {
    Status.of { () throws(RedoubtError) in
        let place = unsafe try Arguments.place(database, "`database`")
        unsafe place.pointee = nil
        try ThreadBorrow.check()
        let path = unsafe try Arguments.text(path, "the path")
        var configuration = Configuration()
        for setting in unsafe try Arguments.settings(options, count) {
            try configuration.set(setting.name, to: setting.value)
        }
        let handle = try DatabaseTable.open { () throws(RedoubtError) in try body(path, configuration) }
        unsafe place.pointee = handle.pointer
        return Status.ok
    }
}

/// Closes a database.
@c
@implementation
public func redoubt_close(_ database: OpaquePointer?) -> redoubt_status {
    Status.of { () throws(RedoubtError) in
        // Its own call would be inside for ever.
        try ThreadBorrow.check()
        let handle = unsafe Handle(database)
        guard let content = DatabaseTable.remove(handle) else { throw invalidHandle(handle, .database) }
        try content.database.close()
        return Status.ok
    }
}

/// Makes everything durable that was written before.
@c
@implementation
public func redoubt_flush(_ database: OpaquePointer?) -> redoubt_status {
    unsafe withDatabase(database) { (content, _) throws(RedoubtError) in
        try content.database.flush()
        return Status.ok
    }
}

/// Writes every changed page to its file.
@c
@implementation
public func redoubt_checkpoint(_ database: OpaquePointer?) -> redoubt_status {
    unsafe withDatabase(database) { (content, _) throws(RedoubtError) in
        try content.database.checkpoint()
        return Status.ok
    }
}

/// Changes options.
@c
@implementation
public func redoubt_change(
    _ database: OpaquePointer?,
    _ options: UnsafePointer<UnsafePointer<CChar>?>?,
    _ count: Int
) -> redoubt_status {
    unsafe withDatabase(database) { (content, _) throws(RedoubtError) in
        let settings = unsafe try Arguments.settings(options, count)
        var failure: RedoubtError?
        try content.database.change { configuration in
            let before = configuration
            do throws(RedoubtError) {
                for setting in settings { try configuration.set(setting.name, to: setting.value) }
            } catch {
                configuration = before
                failure = error
            }
        }
        if let failure { throw failure }
        return Status.ok
    }
}

/// Stores the value of an option.
@c
@implementation
public func redoubt_option(
    _ database: OpaquePointer?,
    _ name: UnsafePointer<CChar>?,
    _ text: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> redoubt_status {
    unsafe withDatabase(database) { (content, _) throws(RedoubtError) in
        let place = unsafe try Arguments.place(text, "`text`")
        let name = unsafe try Arguments.text(name, "the name")
        unsafe try Arguments.answer(content.database.configuration.text(of: name), in: place)
        return Status.ok
    }
}

private let optionNames = LastingText.make(Configuration.optionNames)

/// The name of an option.
@c
@implementation
public func redoubt_option_name(_ index: Int) -> UnsafePointer<CChar>? {
    unsafe LastingText.pointer(optionNames, index)
}
