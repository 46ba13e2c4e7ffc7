//! The house rules as a test: sizes, documentation, and which way dependencies point.

mod arrows;
mod source;

use source::{Finding, Function, Source};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

const CRATES: [&str; 9] = [
    "domain",
    "proto",
    "rest",
    "backends",
    "ingestor-api",
    "ingestor-consumer",
    "catalog",
    "query-api",
    "pulse",
];

/// Lines of tests for a hundred of code; blank lines and comments do not count on either side.
const TESTS_PER_100_LINES_MIN: usize = 100;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The Rust files of a folder, none where there is no such folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok);
    entries
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

fn sources_of(crates: &[&str]) -> Vec<Source> {
    let files = crates.iter().flat_map(|name| rust_files(&root().join(name).join("src")));
    let mut sources: Vec<Source> = files.map(|path| Source::read(root(), &path)).collect();
    let for_tests: BTreeSet<String> = sources.iter().flat_map(Source::test_modules).collect();
    let is_for_tests = |source: &Source| {
        for_tests
            .iter()
            .any(|file| source.name == *file || source.name.starts_with(&file.replace(".rs", "/")))
            || source.name.contains("/conformance/")
    };
    sources.iter_mut().filter(|source| is_for_tests(source)).for_each(Source::become_test);
    sources
}

fn sources() -> Vec<Source> {
    sources_of(&CRATES)
}

fn median(mut values: Vec<usize>) -> usize {
    values.sort_unstable();
    values[values.len() / 2]
}

fn functions() -> Vec<Function> {
    sources().into_iter().flat_map(|source| source.functions).collect()
}

fn assert_none(what: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{what}:\n{}", findings.join("\n"));
}

fn places(sources: &[Source], kind: Finding) -> Vec<String> {
    let found = sources
        .iter()
        .flat_map(|source| source.findings.iter().map(move |(finding, line)| (source, finding, line)));
    found
        .filter(|(_, finding, _)| **finding == kind)
        .map(|(source, _, line)| format!("{}:{line}", source.name))
        .collect()
}

#[test]
fn files_are_short() {
    let sources = sources();
    let long: Vec<String> = sources
        .iter()
        .filter(|source| source.lines > 500)
        .map(|source| format!("{} has {}", source.name, source.lines))
        .collect();
    assert_none("files of more than 500 lines", &long);
    let median = median(
        sources.iter().filter(|source| source.code_lines > 0).map(|source| source.code_lines).collect(),
    );
    assert!(median <= 150, "the median file has {median} lines of code");
}

#[test]
fn functions_fit_a_screen_and_take_few_parameters() {
    let functions = functions();
    let list = |over: fn(&Function) -> bool| -> Vec<String> {
        functions.iter().filter(|function| over(function)).map(ToString::to_string).collect()
    };
    assert_none("functions of more than 70 lines", &list(|function| function.lines > 70));
    assert_none("functions of more than 5 parameters", &list(|function| function.parameters > 5));
    let median = median(functions.iter().map(|function| function.lines).collect());
    assert!(median <= 10, "the median function has {median} lines");
}

#[test]
fn public_items_are_documented() {
    let sources = sources();
    let public: usize = sources.iter().map(|source| source.public_items).sum();
    let bare = places(&sources, Finding::Undocumented);
    assert!(
        bare.len() * 10 <= public,
        "{} of {public} public items have no doc line:\n{}",
        bare.len(),
        bare.join("\n")
    );
    let silent: Vec<String> =
        sources.iter().filter(|source| !source.is_introduced).map(|source| source.name.clone()).collect();
    assert_none("files that do not begin with //!", &silent);
}

#[test]
fn nothing_unwraps_outside_tests() {
    assert_none("bare unwraps outside tests", &places(&sources(), Finding::Unwrap));
}

#[test]
fn only_the_binary_reads_the_clock() {
    assert_none("clock reads outside the binary", &places(&sources_of(&CRATES[..8]), Finding::ClockRead));
}

#[test]
fn every_queue_is_bounded() {
    assert_none("unbounded queues", &places(&sources(), Finding::UnboundedQueue));
}

#[test]
fn no_file_is_named_for_its_kind() {
    let kinds = ["utils.rs", "helpers.rs", "types.rs", "mod.rs", "common.rs", "misc.rs"];
    let names = sources().into_iter().map(|source| source.name);
    let found: Vec<String> =
        names.filter(|name| kinds.iter().any(|kind| name.ends_with(&format!("/{kind}")))).collect();
    assert_none("files named for their kind", &found);
}

#[test]
fn tests_are_as_long_as_the_code() {
    let sources = sources();
    let code: usize = sources.iter().map(|source| source.code_lines).sum();
    let beside: usize = sources.iter().map(|source| source.test_lines).sum();
    let apart = CRATES.iter().flat_map(|name| rust_files(&root().join(name).join("tests")));
    let tests = beside + apart.map(|path| source::lines(&path)).sum::<usize>();
    println!("{} files, {code} lines of code, {tests} lines of tests", sources.len());
    assert!(
        tests * 100 >= code * TESTS_PER_100_LINES_MIN,
        "{code} lines of code have {tests} lines of tests"
    );
}
