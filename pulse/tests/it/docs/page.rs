//! A page of the documentation, and what a reader may try on it.

use super::super::server::repository;
use std::fs;
use std::path::{Path, PathBuf};

pub struct Page {
    /// Its path in the repository.
    pub name: String,
    pub text: String,
}

/// The first screen and everything under `docs`.
pub fn pages() -> Vec<Page> {
    let folder = fs::read_dir(repository("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let documents = folder.filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "md"));
    documents
        .map(|name| format!("docs/{}", name.to_str().unwrap()))
        .chain(["README.md".to_owned(), "ARCHITECTURE.md".to_owned()])
        .map(|name| Page::read(&name))
        .collect()
}

impl Page {
    pub fn read(name: &str) -> Self {
        Self { name: name.to_owned(), text: fs::read_to_string(repository(name)).unwrap() }
    }

    pub fn folder(&self) -> PathBuf {
        repository(&self.name).parent().unwrap().to_owned()
    }

    /// The part below a heading.
    pub fn section(&self, heading: &str) -> Self {
        let (_, rest) = self.text.split_once(&format!("\n## {heading}\n")).unwrap();
        let text = rest.split("\n## ").next().unwrap_or_default();
        Self { name: self.name.clone(), text: text.to_owned() }
    }

    /// The lines of its shell blocks.
    pub fn commands(&self) -> Vec<String> {
        let mut is_shell = false;
        let mut commands = Vec::new();
        for line in self.text.lines() {
            match line.strip_prefix("```") {
                Some(kind) => is_shell = kind == "sh",
                None if is_shell && !line.trim().is_empty() => commands.push(line.to_owned()),
                None => {}
            }
        }
        commands
    }

    /// What follows `make` in its commands and its code.
    pub fn make_targets(&self) -> Vec<String> {
        let targets = self.text.split(['`', '\n']).filter_map(|code| code.strip_prefix("make "));
        let targets = targets.map(|rest| rest.split_whitespace().next().unwrap_or_default().to_owned());
        targets.filter(|target| !target.is_empty()).collect()
    }

    /// The paths of its tree of addresses.
    pub fn tree(&self) -> Vec<String> {
        let branch = |line: &str| {
            let rest = line.strip_prefix("├─ ").or_else(|| line.strip_prefix("└─ "))?;
            Some(rest.split_whitespace().next()?.to_owned())
        };
        self.text.lines().filter_map(branch).collect()
    }

    /// Its links into the repository.
    pub fn links(&self) -> Vec<String> {
        let targets = self.text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        let targets = targets.map(|(target, _)| target.split('#').next().unwrap_or_default().to_owned());
        targets.filter(|target| !target.contains("://") && !target.is_empty()).collect()
    }
}
