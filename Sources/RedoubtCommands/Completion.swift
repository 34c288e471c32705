extension Program {
    /// What bash runs to complete the words of a command line of this program.
    ///
    /// Commands, the options of each, and the values of options that have a choice; all else is completed as the name
    /// of a file.
    package var bashCompletion: String {
        let function = "_" + name.replacing("-", with: "_")
        var lines = [
            "# bash completion of \(name), written by `\(name) completion bash`",
            "\(function)() {",
            "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} i",
            "    COMPREPLY=()",
            "    if (( COMP_CWORD == 1 )); then",
            "        COMPREPLY=($(compgen -W \"\(allCommands.map(\.name).joined(separator: " ")) --help --version\" "
                + "-- \"$current\"))",
            "        return",
            "    fi",
            "    # An equals sign is a word of its own.",
            "    if [[ $current == \"=\" ]]; then",
            "        current=",
            "    elif [[ $before == \"=\" ]]; then",
            "        before=${COMP_WORDS[COMP_CWORD-2]}",
            "    fi",
            "    for (( i = 2; i < COMP_CWORD; i++ )); do",
            "        [[ ${COMP_WORDS[i]} == \"--\" ]] && return",
            "    done",
            "    case \"$command $before\" in",
        ]
        for command in allCommands {
            for option in command.options where option.value != nil {
                lines.append("        \"\(command.name) --\(option.name)\")")
                if option.choices.isEmpty {
                    lines.append("            return ;;")
                } else {
                    lines.append(
                        "            COMPREPLY=($(compgen -W \"\(option.choices.joined(separator: " "))\" "
                            + "-- \"$current\"))"
                    )
                    lines.append("            compopt +o default; return ;;")
                }
            }
        }
        lines += ["    esac", "    local options="]
        lines.append("    case $command in")
        for command in allCommands {
            let options = command.options.map { "--" + $0.name } + ["--help"]
            lines.append("        \(command.name)) options=\"\(options.joined(separator: " "))\" ;;")
        }
        lines += [
            "    esac",
            "    [[ $current == -* ]] && COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))",
            "}",
            "complete -o default -F \(function) \(name)",
        ]
        return lines.joined(separator: "\n")
    }
}
