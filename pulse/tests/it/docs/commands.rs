//! The page on commands names each of them, says what its help says, and ends it with codes that there are.

use super::page::Page;
use clap::{Command, CommandFactory};
use pulse::cli::Cli;

/// What is typed and what the help says of it, of everything that does something.
fn of(command: &Command, typed: &str) -> Vec<(String, String)> {
    let inner: Vec<_> = command
        .get_subcommands()
        .flat_map(|inner| of(inner, &format!("{typed} {}", inner.get_name())))
        .collect();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    if inner.is_empty() { vec![(typed.to_owned(), about)] } else { inner }
}

/// The cells of the rows that name a command.
fn rows() -> Vec<[String; 3]> {
    let page = Page::read("docs/commands.md");
    let rows = page.text.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = |row: &str| -> Vec<String> {
        row.trim_end_matches('|')
            .replacen('`', "", 1)
            .split(" | ")
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    rows.map(|row| cells(row).try_into().unwrap()).collect()
}

#[test]
fn the_page_on_commands_lists_them_as_their_help_does() {
    let listed: Vec<(String, String)> = rows().into_iter().map(|[typed, about, _]| (typed, about)).collect();
    assert_eq!(listed, of(&Cli::command(), "pulse"));
}

#[test]
fn every_command_may_succeed_and_may_be_used_wrongly() {
    for [typed, _, codes] in rows() {
        let codes: Vec<u8> = codes.split(' ').map(|code| code.parse().unwrap()).collect();
        assert!(codes.is_sorted() && codes.iter().all(|code| *code <= 6), "{typed}: {codes:?}");
        assert!(codes.contains(&0) && codes.contains(&2), "{typed}: {codes:?}");
    }
}
