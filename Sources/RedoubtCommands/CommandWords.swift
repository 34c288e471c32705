/// The words behind the name of the running program.
package enum CommandWords {
    /// Reads the words as the system handed them over.
    ///
    /// Not `CommandLine.arguments`, which puts U+FFFD where a word is not UTF-8: two keys would be one.
    ///
    /// - Throws: `.usage` for a word that is not UTF-8.
    package static func read() throws(CommandFailure) -> [String] {
        var words: [String] = []
        var number = 1
        while let word = unsafe CommandLine.unsafeArgv[number] {
            guard let text = unsafe String(validatingCString: word) else {
                throw .usage(
                    "argument \(number) is not UTF-8; write keys and values of any bytes as hexadecimal digits, with "
                        + "--hex"
                )
            }
            words.append(text)
            number += 1
        }
        return words
    }
}
