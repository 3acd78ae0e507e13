//! Reads the crate's own source: its public items with their documentation, and its string literals.

use std::fs;
use std::path::Path;

/// One file without its tests.
pub struct Source {
    /// Below `src`, with `/`.
    pub path: String,
    text: String,
}

/// A public item, its name as `Type::method` where it belongs to a type.
pub struct Item {
    pub name: String,
    /// Counted from 1.
    pub line: usize,
    docs: String,
}

impl Item {
    pub fn has_example(&self) -> bool {
        Source::example_in(&self.docs)
    }
}

/// All files of the crate.
pub fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    collect(&root, &root, &mut all);
    all.sort_by(|one, other| one.path.cmp(&other.path));
    all
}

fn collect(root: &Path, folder: &Path, all: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
            let text = match text.split_once("#[cfg(test)]\nmod ") {
                Some((text, _)) => text.to_owned(),
                None => text,
            };
            let path = path.strip_prefix(root).unwrap().to_str().unwrap();
            let path = path.replace('\\', "/");
            all.push(Source { path, text });
        }
    }
}

/// The long spellings of all known header names: the first literal of each line of the table.
pub fn names() -> Vec<String> {
    let sources = sources();
    let table = sources.iter().find(|source| source.path == "name.rs");
    let (_, table) = table.unwrap().text.split_once("\nnames! {\n").unwrap();
    let (table, _) = table.split_once("\n}").unwrap();
    let spelling = |line: &str| line.split('"').nth(1).unwrap().to_owned();
    table.lines().map(spelling).collect()
}

const KINDS: [&str; 7] = [
    "struct", "enum", "union", "trait", "const", "static", "type",
];

impl Source {
    /// Is it `lib.rs` or a file that `lib.rs` declares as a public module?
    pub fn is_public_module(&self) -> bool {
        let module = self.path.trim_end_matches(".rs");
        let declared = format!("\npub mod {module};");
        let sources = sources();
        let lib = sources.iter().find(|source| source.path == "lib.rs");
        module == "lib" || lib.unwrap().text.contains(&declared)
    }

    /// The text at the head of the file.
    pub fn module_docs(&self) -> String {
        let lines = self.text.lines().map_while(|line| line.strip_prefix("//!"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Is there a block of Rust that runs (nothing behind its backticks) and asserts something?
    pub fn example_in(docs: &str) -> bool {
        let pieces: Vec<&str> = docs.split("```").collect();
        let blocks = pieces.chunks_exact(2).map(|pair| pair[1]);
        let mut running = blocks.filter(|block| block.starts_with('\n'));
        running.any(|block| block.contains("assert"))
    }

    /// Functions, types and constants that are `pub` and no less. Modules have their documentation in their own file,
    /// re-exports where the item is; fields and variants are shown with their type, trait methods with their trait.
    pub fn public_items(&self) -> Vec<Item> {
        let mut items = Vec::new();
        let mut owner: Option<String> = None;
        let mut docs = Vec::new();
        for (number, line) in self.text.lines().enumerate() {
            let code = line.trim_start();
            if let Some(text) = code.strip_prefix("///") {
                docs.push(text.to_owned());
            } else if let Some((_, text)) = code.split_once("#[doc = ") {
                docs.push(text.replace("\\n", "\n"));
            } else if !code.starts_with("#[") && !code.ends_with(")]") {
                if code.starts_with("impl") {
                    owner = Some(implementor(code));
                } else if line == "}" {
                    owner = None;
                }
                if let Some(name) = public_name(code) {
                    let nested = line.starts_with(' ') && !is_type(code);
                    let owner = owner.as_ref().filter(|_| nested);
                    items.push(Item {
                        name: owner.map_or(name.clone(), |owner| format!("{owner}::{name}")),
                        line: number + 1,
                        docs: docs.join("\n"),
                    });
                }
                docs.clear();
            }
        }
        items
    }

    /// String and byte-string literals with the line they begin on; those of comments and attributes are none.
    pub fn literals(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let mut rest = self.text.as_str();
        let line = |rest: &str| {
            let before = &self.text[..self.text.len() - rest.len()];
            before.matches('\n').count() + 1
        };
        while let Some(character) = rest.chars().next() {
            let next = &rest[character.len_utf8()..];
            rest = if rest.starts_with("//") || rest.starts_with("#[doc") {
                rest.split_once('\n').map_or("", |(_, next)| next)
            } else if let Some((hashes, inside)) = raw_string(rest) {
                let end = format!("\"{}", "#".repeat(hashes));
                let (literal, behind) = inside.split_once(&end).unwrap();
                found.push((line(rest), literal.to_owned()));
                behind
            } else if character == '"' {
                let (literal, behind) = string(next);
                found.push((line(rest), literal));
                behind
            } else if character == '\'' {
                behind_character(next)
            } else {
                next
            };
        }
        found
    }
}

/// The type that an `impl` is for.
fn implementor(code: &str) -> String {
    let code = code.split(" for ").last().unwrap_or(code);
    let code = match code.strip_prefix("impl<") {
        Some(generic) => generic.split_once("> ").map_or(generic, |(_, code)| code),
        None => code.trim_start_matches("impl "),
    };
    let end = code.find(|character: char| !character.is_alphanumeric());
    code[..end.unwrap_or(code.len())].to_owned()
}

fn is_type(code: &str) -> bool {
    ["pub struct ", "pub enum ", "pub trait "]
        .iter()
        .any(|start| code.starts_with(start))
}

/// What a line declares, if it is public.
fn public_name(code: &str) -> Option<String> {
    let code = code.strip_prefix("pub ")?;
    let function = ["const ", "async ", "unsafe "]
        .iter()
        .fold(code, |code, word| code.strip_prefix(word).unwrap_or(code));
    let name = match function.strip_prefix("fn ") {
        Some(name) => name,
        None => KINDS
            .iter()
            .find_map(|kind| code.strip_prefix(kind)?.strip_prefix(' '))?,
    };
    let end =
        name.find(|character: char| !(character.is_alphanumeric() || "_$".contains(character)));
    Some(name[..end.unwrap_or(name.len())].to_owned())
}

/// How many hashes a raw string has, and what follows its first quote.
fn raw_string(text: &str) -> Option<(usize, &str)> {
    let text = text.strip_prefix("br").or(text.strip_prefix('r'))?;
    let inside = text.trim_start_matches('#');
    Some((text.len() - inside.len(), inside.strip_prefix('"')?))
}

/// A string whose first quote was read, and what is behind it.
fn string(text: &str) -> (String, &str) {
    let mut literal = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (literal, &text[at + 1..]),
            '\\' => {
                literal.push('\\');
                literal.extend(characters.next().map(|(_, escaped)| escaped));
            }
            _ => literal.push(character),
        }
    }
    panic!("a string without end: {literal}")
}

/// Behind a character whose first quote was read; a lifetime has no second one.
fn behind_character(text: &str) -> &str {
    match text.strip_prefix('\\') {
        Some(escaped) => {
            let end = escaped.char_indices().skip(1).find(|(_, end)| *end == '\'');
            &escaped[end.map_or(escaped.len(), |(at, _)| at + 1)..]
        }
        None => {
            let mut characters = text.chars();
            let length = characters.next().map_or(0, char::len_utf8);
            text[length..].strip_prefix('\'').unwrap_or(text)
        }
    }
}
