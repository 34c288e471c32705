/// A page that leads to the pages of scenarios: what each is about, and whether its claims hold.
///
/// It loads nothing and runs no script, and the same entries make the same bytes.
package struct LabIndex: Sendable {
    /// A scenario and its page, NAME.html in the same folder.
    package struct Entry: Sendable, Hashable {
        /// The name of the scenario.
        package let name: String
        /// One line that says what it is.
        package let title: String
        /// What it was to show, and whether it does.
        package let judgements: [ShippedScenario.Judgement]

        /// Creates an entry.
        package init(name: String, title: String, judgements: [ShippedScenario.Judgement]) {
            (self.name, self.title, self.judgements) = (name, title, judgements)
        }
    }

    private let entries: [Entry]

    /// Creates the page of `entries`, in their order.
    package init(_ entries: [Entry]) { self.entries = entries }

    /// The page.
    package var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Scenarios - FlushLab</title>
        <style>
        \(LabStyle.sheet)
        </style>
        </head>
        <body>
        <main>
        <header>
        <p class="facts">FlushLab</p>
        <h1>Scenarios</h1>
        </header>
        \(entries.map(Self.section).joined(separator: "\n"))
        </main>
        </body>
        </html>

        """
    }

    private static func section(_ entry: Entry) -> String {
        """
        <section>
        <h2><a href="\(Markup.escaped(entry.name)).html">\(Markup.escaped(entry.name))</a></h2>
        <p>\(Markup.escaped(entry.title))</p>
        \(Markup.judgements(entry.judgements))
        </section>
        """
    }
}

extension Markup {
    /// Returns a table of claims, and of what was seen of them.
    static func judgements(_ judgements: [ShippedScenario.Judgement]) -> String {
        let rows = judgements.map { judgement in
            let mark = judgement.holds ? "<b class=\"best\">holds</b>" : "<b class=\"missed\">does not hold</b>"
            return [escaped(judgement.claim), escaped(judgement.figures), mark]
        }
        return table("claims", head: ["", "seen", ""], rows: rows)
    }
}
