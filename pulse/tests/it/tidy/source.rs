//! One source file, read for what the house rules ask about.

use proc_macro2::Span;
use std::fmt;
use std::fs;
use std::path::Path;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ImplItemFn, Item, ItemFn, Signature, TraitItemFn, Visibility};

/// Something a rule speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// `.unwrap()`.
    Unwrap,
    /// A call that reads a clock.
    ClockRead,
    /// A queue without a bound.
    UnboundedQueue,
    /// A public item without a doc line.
    Undocumented,
}

/// A function outside tests.
#[derive(Debug)]
pub struct Function {
    place: String,
    /// From its signature to its last brace.
    pub lines: usize,
    /// `self` counts.
    pub parameters: usize,
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} lines, {} parameters", self.place, self.lines, self.parameters)
    }
}

/// A file.
#[derive(Debug, Default)]
pub struct Source {
    /// Its path from the root.
    pub name: String,
    /// All of its lines.
    pub lines: usize,
    /// Those outside tests that are neither blank nor a comment.
    pub code_lines: usize,
    /// Those of tests.
    pub test_lines: usize,
    /// Whether it begins with `//!`.
    pub is_introduced: bool,
    /// Public items outside tests.
    pub public_items: usize,
    /// Functions outside tests.
    pub functions: Vec<Function>,
    /// What was found outside tests, with its line.
    pub findings: Vec<(Finding, usize)>,
    /// Modules in files of their own that are compiled for tests only.
    test_modules: Vec<String>,
    /// First and last lines of what is compiled for tests only.
    test_spans: Vec<(usize, usize)>,
}

/// The lines of a file that are neither blank nor a comment.
pub fn lines(path: &Path) -> usize {
    counted(fs::read_to_string(path).unwrap().lines())
}

fn counted<'a>(lines: impl Iterator<Item = &'a str>) -> usize {
    lines.map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

impl Source {
    /// Reads a file of the repository.
    pub fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let is_introduced = text.starts_with("//!");
        let mut source = Self { lines: text.lines().count(), is_introduced, name, ..Self::default() };
        let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", source.name));
        source.visit_file(&file);
        let is_test =
            |number: usize| source.test_spans.iter().any(|(first, last)| (*first..=*last).contains(&number));
        let (tests, code): (Vec<_>, Vec<_>) =
            text.lines().enumerate().partition(|(index, _)| is_test(index + 1));
        let count = |lines: Vec<(usize, &str)>| counted(lines.into_iter().map(|(_, line)| line));
        (source.code_lines, source.test_lines) = (count(code), count(tests));
        source
    }

    /// The files, from the root, of the modules that are compiled for tests only; a module of `a.rs` lies in `a/`.
    pub fn test_modules(&self) -> Vec<String> {
        let stem = self.name.trim_end_matches(".rs").trim_end_matches("/lib");
        self.test_modules.iter().map(|module| format!("{stem}/{module}.rs")).collect()
    }

    /// Counts all of it as tests, where none of the rules holds.
    pub fn become_test(&mut self) {
        let (name, test_lines) = (std::mem::take(&mut self.name), self.code_lines + self.test_lines);
        *self = Self { name, lines: self.lines, test_lines, is_introduced: true, ..Self::default() };
    }

    fn note(&mut self, finding: Finding, span: Span) {
        self.findings.push((finding, span.start().line));
    }

    fn note_function(&mut self, signature: &Signature, end: Span) {
        let first = signature.span().start().line;
        let place = format!("{}:{first} {}", self.name, signature.ident);
        self.functions.push(Function {
            place,
            lines: end.end().line - first + 1,
            parameters: signature.inputs.len(),
        });
    }

    fn note_public(&mut self, visibility: &Visibility, attributes: &[Attribute], span: Span) {
        if matches!(visibility, Visibility::Public(_)) {
            self.public_items += 1;
            if !attributes.iter().any(|attribute| attribute.path().is_ident("doc")) {
                self.note(Finding::Undocumented, span);
            }
        }
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

/// Attributes and visibility of the kinds of item that carry both; modules are introduced by their own file.
fn public_parts(item: &Item) -> Option<(&Visibility, &[Attribute])> {
    Some(match item {
        Item::Const(item) => (&item.vis, &item.attrs),
        Item::Enum(item) => (&item.vis, &item.attrs),
        Item::Fn(item) => (&item.vis, &item.attrs),
        Item::Static(item) => (&item.vis, &item.attrs),
        Item::Struct(item) => (&item.vis, &item.attrs),
        Item::Trait(item) => (&item.vis, &item.attrs),
        Item::Type(item) => (&item.vis, &item.attrs),
        _ => return None,
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        other => public_parts(other).map_or(&[], |(_, attributes)| attributes),
    }
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_for_tests(attributes(item)) {
            let span = item.span();
            self.test_spans.push((span.start().line, span.end().line));
            if let Item::Mod(syn::ItemMod { ident, content: None, .. }) = item {
                self.test_modules.push(ident.to_string());
            }
            return;
        }
        if let Some((visibility, attributes)) = public_parts(item) {
            self.note_public(visibility, attributes, item.span());
        }
        visit::visit_item(self, item);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        self.note_public(&field.vis, &field.attrs, field.span());
        visit::visit_field(self, field);
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.note_function(&function.sig, function.block.span());
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.note_public(&function.vis, &function.attrs, function.span());
        self.note_function(&function.sig, function.block.span());
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(block) = &function.default {
            self.note_function(&function.sig, block.span());
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        match expression {
            Expr::MethodCall(call) if call.method == "unwrap" && call.args.is_empty() => {
                self.note(Finding::Unwrap, call.method.span());
            }
            Expr::Call(call) => self.note_call(call),
            _ => {}
        }
        visit::visit_expr(self, expression);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        if invocation.tokens.to_string().replace(' ', "").contains(".unwrap()") {
            self.note(Finding::Unwrap, invocation.span());
        }
    }
}

impl Source {
    fn note_call(&mut self, call: &syn::ExprCall) {
        let Expr::Path(function) = &*call.func else { return };
        let names: Vec<String> =
            function.path.segments.iter().rev().take(2).map(|segment| segment.ident.to_string()).collect();
        match names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["now", "SystemTime" | "Timestamp" | "Zoned" | "Instant"] => {
                self.note(Finding::ClockRead, call.span());
            }
            ["unbounded_channel" | "unbounded", ..] => self.note(Finding::UnboundedQueue, call.span()),
            ["channel", "mpsc"] if call.args.is_empty() => self.note(Finding::UnboundedQueue, call.span()),
            _ => {}
        }
    }
}
