import Redoubt
import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: a salvage finds every row that can be found, and says of every other that it is lost.
///
/// Method: a small database of three levels; every kind of page is damaged, then any pages; what is found is compared
/// with what was there.
@Suite(.timeLimit(.minutes(20))) struct SalvageTests {
    @Test(arguments: [true, false])
    func `a sound database is salvaged as a whole`(_ isClosed: Bool) throws {
        let world = try DamagedWorld(closed: isClosed)
        let (texts, summary) = try world.complaints(world.image)
        #expect(texts == [])
        #expect(summary.losses == [] && summary.bridged == [] && summary.unrecovered == nil)
        #expect(summary.keyspaces.map(\.rowCount).sorted() == [12, 300])
    }

    @Test func `of a lost leaf its range is lost, and nothing else`() throws {
        let world = try DamagedWorld(closed: true)
        var random = SeededRandom(seed: 1)
        let leaf = try #require(world.pages("long").last { $0.type == 17855 && $0.level == 0 })
        var image = world.image
        DamagedWorld.damage(&image, world.path("long"), page: leaf.number, &random)
        let (texts, summary) = try world.complaints(image)
        #expect(texts == [])
        #expect(summary.losses.map { $0.page?.number.rawValue } == [UInt32(leaf.number)])
        let count = try #require(summary.keyspaces.first { $0.name == "long" }?.rowCount)
        #expect(count > 270 && count < 300, "\(summary.losses.map(\.description))")
    }

    @Test func `rows below a lost node are found`() throws {
        let world = try DamagedWorld(closed: true)
        var random = SeededRandom(seed: 2)
        let nodes = world.pages("long").filter { $0.type == 17855 && $0.level > 0 }
        #expect(nodes.count >= 3)
        for node in nodes {
            var image = world.image
            DamagedWorld.damage(&image, world.path("long"), page: node.number, &random)
            let (texts, summary) = try world.complaints(image)
            #expect(texts == [])
            #expect(summary.losses == [], "page \(node)")
            #expect(summary.bridged.map { $0.page?.number.rawValue } == [UInt32(node.number)])
            #expect(summary.keyspaces.first { $0.name == "long" }?.rowCount == 300)
        }
    }

    @Test func `rows below a pointer that a sound node lacks are found`() throws {
        let world = try DamagedWorld(closed: true)
        let nodes = world.pages("long").filter { $0.type == 17855 && $0.level > 0 }
        for node in nodes {
            for place in [NodePlace.first, .middle, .last] {
                var image = world.image
                world.removePointer(&image, "long", page: node.number, place)
                let (texts, summary) = try world.complaints(image)
                #expect(texts == [], "\(place) of page \(node)")
                #expect(summary.losses == [] && !summary.bridged.isEmpty, "\(place) of page \(node)")
                #expect(summary.keyspaces.first { $0.name == "long" }?.rowCount == 300, "\(place) of page \(node)")
            }
        }
    }

    @Test func `nothing is lost between lost nodes side by side, or beside a pointer that is missing`() throws {
        let world = try DamagedWorld(closed: true)
        var random = SeededRandom(seed: 8)
        let nodes = world.pages("long").filter { $0.type == 17855 && $0.level == 1 }.map(\.number)
        #expect(nodes.count >= 2)
        func expectAll(_ image: DiskImage, _ what: String) throws {
            let (texts, summary) = try world.complaints(image)
            #expect(texts == [], "\(what)")
            #expect(summary.losses.map(\.description) == [], "\(what)")
            #expect(!summary.bridged.isEmpty, "\(what)")
            #expect(summary.keyspaces.first { $0.name == "long" }?.rowCount == 300, "\(what)")
        }
        for node in nodes {
            for other in nodes where other != node {
                for place in [NodePlace?.none, .first, .middle, .last] {
                    var image = world.image
                    if let place { world.removePointer(&image, "long", page: other, place) }
                    DamagedWorld.damage(&image, world.path("long"), page: node, &random)
                    if place == nil { DamagedWorld.damage(&image, world.path("long"), page: other, &random) }
                    let what = "\(node) and \(other), \(place.map { "\($0)" } ?? "")"
                    try expectAll(image, what)
                }
            }
        }
    }

    @Test func `rows below a missing pointer are said to be lost if their leaf is damaged too`() throws {
        let world = try DamagedWorld(closed: true)
        var random = SeededRandom(seed: 6)
        let node = try #require(world.pages("long").first { $0.type == 17855 && $0.level == 1 })
        var image = world.image
        let leaf = world.removePointer(&image, "long", page: node.number, .middle)
        DamagedWorld.damage(&image, world.path("long"), page: leaf, &random)
        let (texts, summary) = try world.complaints(image)
        #expect(texts == [])
        #expect(summary.losses.count == 1)
        let count = try #require(summary.keyspaces.first { $0.name == "long" }?.rowCount)
        #expect(count > 270 && count < 300)
    }

    @Test func `rows of an old leaf that no node leads to do not replace newer ones`() throws {
        let world = try DamagedWorld(closed: true)
        let node = try #require(world.pages("long").first { $0.type == 17855 && $0.level == 1 })
        var image = world.image
        let leaf = world.removePointer(&image, "long", page: node.number, .middle)
        world.copyNextKey(&image, "long", leaf: leaf)
        let (texts, _) = try world.complaints(image)
        // The row that the old image does not have any more.
        #expect(texts.count == 1 && texts[0].contains("is missing"), "\(texts)")
    }

    @Test func `rows that may be of a leaf which was given up are named`() throws {
        let world = try DamagedWorld(closed: true)
        var random = SeededRandom(seed: 7)
        let node = try #require(world.pages("long").first { $0.type == 17855 && $0.level == 1 })
        var image = world.image
        world.removePointer(&image, "long", page: node.number, .middle)
        let before = try world.complaints(image).summary
        #expect(before.losses == [])
        DamagedWorld.damage(&image, world.path("long"), page: 0, &random)
        let (texts, summary) = try world.complaints(image)
        #expect(texts == [])
        #expect(summary.losses.map { $0.page?.number.rawValue } == [0])
        #expect(summary.losses.first?.reason.contains("in use") == true)
    }

    @Test(arguments: [NodePlace.first, .last])
    func `a row of a leaf that was given up was counted, and replaced a newer one`(
        place: NodePlace
    ) throws {
        let world = try DamagedWorld(closed: true)
        var random = SeededRandom(seed: 10)
        let node = try #require(world.pages("long").first { $0.type == 17855 && $0.level == 1 })
        var image = world.image
        let leaf = world.removePointer(&image, "long", page: node.number, .middle)
        world.addOldLeaf(&image, "long", of: leaf, lacking: place)
        #expect(try world.complaints(image).summary.losses == [])
        DamagedWorld.damage(&image, world.path("long"), page: 0, &random)
        let (texts, summary) = try world.complaints(image)
        #expect(texts == [])
        #expect(summary.keyspaces.first { $0.name == "long" }?.rowCount == 300)
        let doubt = try #require(summary.losses.first { $0.page?.number.rawValue == 0 })
        let keys = world.keys("long", leaf: leaf)
        #expect(doubt.lower == keys.first && doubt.upper == keys.last)
    }

    @Test(arguments: [0, 2]) func `a row that two leaves have was counted twice`(index: Int) throws {
        let world = try DamagedWorld(closed: true)
        var image = world.image
        let leaves = world.pages("long").filter { $0.type == 17855 && $0.level == 0 }.map(\.number)
        let leaf = try #require(leaves.first { world.next("long", leaf: $0) != nil })
        world.copyNextKey(&image, "long", leaf: leaf, index: index)
        // The row that the leaf does not have any more.
        var texts = try world.complaints(image).texts
        #expect(texts.count == 1 && texts[0].contains("is missing"), "\(texts)")
        // Where one does not name the other the keys that both may have are told.
        world.forgetPrevious(&image, "long", leaf: try #require(world.next("long", leaf: leaf)))
        texts = try world.complaints(image).texts
        #expect(texts.count == 1 && texts[0].contains("is missing"), "\(texts)")
    }

    @Test func `of several leaves that may have been given up only the first was named`() throws {
        let world = try DamagedWorld(closed: true)
        var random = SeededRandom(seed: 9)
        let nodes = world.pages("long").filter { $0.type == 17855 && $0.level == 1 }
        var image = world.image
        let leaves = nodes.map { world.removePointer(&image, "long", page: $0.number, .middle) }
        #expect(leaves.count > 1)
        DamagedWorld.damage(&image, world.path("long"), page: 0, &random)
        let (texts, summary) = try world.complaints(image)
        #expect(texts == [])
        let loss = try #require(summary.losses.first)
        #expect(summary.losses.count == 1 && loss.page?.number.rawValue == 0)
        let keys = leaves.flatMap { world.keys("long", leaf: $0) }.sorted { $0.lexicographicallyPrecedes($1) }
        #expect(loss.lower == keys.first && loss.upper == keys.last)
    }

    @Test func `that an old leaf overlaps the one behind hid that rows are lost`() throws {
        let world = try DamagedWorld(closed: true)
        let node = try #require(world.pages("long").first { $0.type == 17855 && $0.level == 1 })
        var image = world.image
        let leaf = world.removePointer(&image, "long", page: node.number, .middle)
        world.copyNextKey(&image, "long", leaf: leaf)
        world.forgetPrevious(&image, "long", leaf: try #require(world.next("long", leaf: leaf)))
        let (texts, summary) = try world.complaints(image)
        #expect(texts == [] && !summary.losses.isEmpty, "\(texts)")
    }

    @Test func `rows that all name the same pages for their values were read without end`() throws {
        let world = try DamagedWorld(closed: true)
        let path = world.path("large")
        let number = try #require(world.image.bytes(of: path))[34..<38].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let storage = SimulatedStorage(world.image, options: .judging)
        let file = try storage.open(path, role: .data, creating: false, readOnly: true)
        // Each value takes three pages.
        let salvaged = try SalvageFile(file, SpaceID(rawValue: number))
        var tree = TreeSalvage(salvaged, keyspace: "large", chainPages: 10) { (_, _) in true }
        try tree.run()
        #expect(tree.rowCount == 3 && tree.losses.count == 9)
        #expect(tree.losses.allSatisfy { $0.reason.contains("more pages than the file has") })
    }

    @Test func `of a lost page of a value one row is lost`() throws {
        let world = try DamagedWorld(closed: true)
        var random = SeededRandom(seed: 3)
        var image = world.image
        let page = try #require(world.pages("large").first { $0.type == 10 })
        DamagedWorld.damage(&image, world.path("large"), page: page.number, &random)
        let (texts, summary) = try world.complaints(image)
        #expect(texts == [])
        #expect(summary.losses.count <= 1)
        #expect(summary.keyspaces.first { $0.name == "large" }?.rowCount == 12 - summary.losses.count)
    }

    @Test func `management pages, the catalog and the redo may be lost as well`() throws {
        let world = try DamagedWorld(closed: true)
        var random = SeededRandom(seed: 4)
        for page in [0, 1, 2] {
            var image = world.image
            DamagedWorld.damage(&image, world.path("long"), page: page, &random)
            let (texts, _) = try world.complaints(image)
            #expect(texts == [], "page \(page)")
        }
        // Nobody knows the names then.
        var image = world.image
        DamagedWorld.damage(&image, "/db/catalog.ibd", page: 3, &random)
        var summary = try world.complaints(image).summary
        #expect(summary.unrecovered != nil)
        #expect(summary.keyspaces.map(\.rowCount).sorted() == [12, 300])
        #expect(summary.keyspaces.allSatisfy { $0.name.hasPrefix("lost ") })
        image = world.image
        for path in image.paths where path.contains("/redo/") { image.remove(path) }
        summary = try world.complaints(image).summary
        #expect(summary.unrecovered != nil && summary.losses == [])
        image = world.image
        image.remove(world.path("long"))
        summary = try world.complaints(image).summary
        #expect(summary.losses.map(\.keyspace) == ["long"])
        #expect(summary.keyspaces.map(\.name) == ["large"])
    }

    @Test(arguments: [true, false])
    func `whatever pages are damaged, a row is found or said to be lost`(_ isClosed: Bool) throws {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        let world = try DamagedWorld(closed: isClosed)
        var lossCount = 0
        for round in 0..<40 {
            var image = world.image
            for _ in 0...random.below(5) {
                let name = random.below(3) == 0 ? "large" : "long"
                let used = world.pages(name).filter { $0.type != 0 }
                guard !used.isEmpty else { continue }
                DamagedWorld.damage(&image, world.path(name), page: used[random.below(used.count)].number, &random)
            }
            let (texts, summary) = try world.complaints(image)
            // Without redo the pages may be older than the rows.
            if isClosed || summary.unrecovered == nil { #expect(texts == [], "round \(round), seed \(seed)") }
            lossCount += summary.losses.count
        }
        #expect(lossCount > 0, "seed \(seed)")
    }

    @Test func `wrong places are refused`() throws {
        let world = try DamagedWorld(closed: true)
        let disk = SimulatedStorage(world.image, options: .judging)
        func salvage(_ path: String, _ target: String) -> RedoubtError.Code? {
            code {
                _ = try Database.salvage(
                    at: path,
                    to: target,
                    configuration: BackupWorld.configuration,
                    storage: disk
                )
            }
        }
        #expect(salvage("/nothing", "/new") == .notFound)
        #expect(salvage(BackupWorld.path, BackupWorld.path) == .exists)
        // A folder, but not one of a database.
        #expect(salvage(BackupWorld.path + "/redo", "/new") == .notFound)
        #expect(disk.image.paths == world.image.paths)
    }
}
